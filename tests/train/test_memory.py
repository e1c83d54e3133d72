"""The memory that training takes, held against what torch keeps."""

from __future__ import annotations

import weakref
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import Qwen2Config, Qwen2ForCausalLM

from stepprove.serving.planning.hf_config import read_config
from stepprove.serving.planning.published import PUBLISHED
from stepprove.train.memory import layer_bytes, memory

TOKENS = 200
SEVEN = PUBLISHED["deepseek-ai/DeepSeek-R1-Distill-Qwen-7B"].architecture


def config(**more: Any) -> Qwen2Config:
    return Qwen2Config(
        **{
            "vocab_size": 64,
            "hidden_size": 96,
            "intermediate_size": 320,
            "num_hidden_layers": 1,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 24,
            "use_cache": False,
        }
        | more
    )


def kept(config: Qwen2Config, bf16: bool) -> float:
    """Bytes that autograd keeps for each token."""
    model = Qwen2ForCausalLM(config).train()
    ids = torch.randint(0, config.vocab_size, (1, TOKENS))
    seen: dict[int, torch.Tensor] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if TOKENS in tensor.shape:  # of a token, not of a weight
            seen[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with (
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=bf16),
    ):
        loss = model(input_ids=ids, labels=ids).loss
    assert loss.requires_grad
    return sum(tensor.untyped_storage().nbytes() for tensor in seen.values()) / TOKENS


@pytest.mark.parametrize("bf16", [True, False])
@pytest.mark.parametrize("shape", [{}, {"intermediate_size": 64, "num_attention_heads": 8, "head_dim": 48}])
def test_a_layer_keeps_what_is_counted(shape: dict[str, int], bf16: bool) -> None:
    one, three = (config(num_hidden_layers=layers, **shape) for layers in (1, 3))
    measured = (kept(three, bf16) - kept(one, bf16)) / 2
    model = read_config(one.to_dict(), "m")
    assert layer_bytes(model.layers[0], model.hidden, bf16) == pytest.approx(measured, rel=0.02)


class Live(TorchDispatchMode):
    """Counts the bytes of tensors that are alive."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self.seen: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor) and tensor.untyped_storage()._cdata not in self.seen:
                storage = tensor.untyped_storage()
                self.seen.add(storage._cdata)
                self.now += storage.nbytes()
                self.peak = max(self.peak, self.now)
                weakref.finalize(storage, self._gone, storage._cdata, storage.nbytes())
        return made

    def _gone(self, place: int, size: int) -> None:
        self.seen.discard(place)
        self.now -= size


@pytest.mark.parametrize("bf16", [True, False])
def test_the_loss_takes_what_is_counted(bf16: bool) -> None:
    def peak(vocabulary: int) -> int:
        shape = {"hidden_size": 8, "intermediate_size": 8, "head_dim": 4}
        model = Qwen2ForCausalLM(config(vocab_size=vocabulary, **shape)).train()
        ids = torch.randint(0, vocabulary, (1, TOKENS))
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        with Live() as live:
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                loss = model(input_ids=ids, labels=ids).loss
                assert loss is not None
            loss.backward()
        return live.peak

    one, two = (
        memory(read_config(config(vocab_size=v).to_dict(), "m"), processes=1, tokens=TOKENS)
        for v in (4000, 8000)
    )
    assert 1e9 * (two.logits - one.logits) == pytest.approx(peak(8000) - peak(4000), rel=0.03)


def test_processes_share_what_is_trained() -> None:
    one, eight = (memory(SEVEN, processes=count, tokens=1024) for count in (1, 8))
    assert (one.weights, one.gradients, one.moments) == pytest.approx((30.5, 30.5, 60.9), abs=0.1)
    assert eight.weights == pytest.approx(one.weights / 8)
    assert (eight.activations, eight.logits) == (one.activations, one.logits)
    assert eight.total == pytest.approx(
        sum((eight.weights, eight.gradients, eight.moments, eight.gathered, eight.activations, eight.logits))
    )


def test_activations_that_are_made_anew_take_less() -> None:
    kept, anew = (memory(SEVEN, processes=8, tokens=16_384, recompute=each) for each in (False, True))
    assert kept.activations > 10 * anew.activations
    assert kept.logits == anew.logits


def test_nothing_to_count_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one process"):
        memory(SEVEN, processes=0, tokens=1)
