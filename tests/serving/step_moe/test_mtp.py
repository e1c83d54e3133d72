"""Heads that predict further tokens: their loss, and that drafting with them changes nothing but the time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from stepprove.serving.step_moe import StepMoeForCausalLM

Build = Callable[..., StepMoeForCausalLM]


def counting(batch: int, length: int, noise: float = 0.1) -> Tensor:
    """Sequences that count by threes, some tokens replaced, so that some drafts are right and some are wrong."""
    generator = torch.Generator().manual_seed(batch)
    start = torch.randint(0, 96, (batch, 1), generator=generator)
    ids = (start + 3 * torch.arange(length)) % 96
    other = torch.randint(0, 96, ids.shape, generator=generator)
    return torch.where(torch.rand(ids.shape, generator=generator) < noise, other, ids)


def trained(build: Build, heads: int, attention: str) -> StepMoeForCausalLM:
    model = build(num_nextn_predict_layers=heads, attention=attention, initializer_range=0.05).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for step in range(40):
        ids = counting(8 + step % 5, 24)
        model(ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model.eval()


@pytest.mark.parametrize(("heads", "attention"), [(1, "gqa"), (3, "gqa"), (2, "mfa")])
def test_greedy_drafting_writes_what_greedy_writing_writes_in_fewer_steps(
    small_model: Build, heads: int, attention: str
) -> None:
    model = trained(small_model, heads, attention)
    steps = 0

    def count(*_: object) -> None:
        nonlocal steps
        steps += 1

    model.model.layers[0].register_forward_hook(count)
    for prompt in counting(3, 7).split(1):
        steps = 0
        plain = model.generate(prompt, max_new_tokens=30, do_sample=False)
        plain_steps, steps = steps, 0
        assert torch.equal(model.generate(prompt, max_new_tokens=30, do_sample=False, use_mtp=True), plain)
        assert steps < plain_steps


def test_drafts_that_are_all_wrong_change_nothing(small_model: Build) -> None:
    model = small_model(num_nextn_predict_layers=2, vocab_size=96)
    prompt = counting(1, 9)
    plain = model.generate(prompt, max_new_tokens=20, do_sample=False)
    assert torch.equal(model.generate(prompt, max_new_tokens=20, do_sample=False, use_mtp=True), plain)


@torch.no_grad()
def test_sampling_with_drafts_keeps_the_distribution(small_model: Build) -> None:
    model = small_model(num_nextn_predict_layers=1, vocab_size=3, initializer_range=0.6, num_hidden_layers=2)
    prompt = torch.tensor([[0, 2, 1, 1]])
    probabilities = {}
    for first in range(3):
        for second in range(3):
            ids = torch.cat([prompt, torch.tensor([[first, second]])], dim=1)
            steps = model(ids).logits[0, 3:5].softmax(-1)
            probabilities[first, second] = (steps[0, first] * steps[1, second]).item()
    torch.manual_seed(7)
    runs = 400
    seen: Counter[tuple[int, ...]] = Counter()
    for _ in range(runs):
        written = model.generate(prompt, max_new_tokens=3, do_sample=True, top_k=0, use_mtp=True)
        seen[tuple(written[0, 4:6].tolist())] += 1
    chi_square = sum((seen[pair] - runs * p) ** 2 / (runs * p) for pair, p in probabilities.items())
    assert chi_square < 26.1  # 8 degrees of freedom: one correct sampler in a thousand is above


def plain_mtp_loss(model: StepMoeForCausalLM, ids: Tensor) -> Tensor:
    """Place by place: the head's input is a state and a later embedding, its target the token after that."""
    decoder = model.model
    states = decoder(ids).last_hidden_state
    losses = []
    for depth, layer in enumerate(decoder.mtp_layers):
        length = ids.shape[1] - 1 - depth
        inputs = torch.stack(
            [
                layer.eh_proj(
                    torch.cat(
                        [layer.enorm(decoder.embed_tokens(ids[:, t + 1 + depth])), layer.hnorm(states[:, t])],
                        -1,
                    )
                )
                for t in range(length)
            ],
            dim=1,
        )
        rotation = decoder.rotary_emb(inputs, torch.arange(length).unsqueeze(0) + depth + 1)[layer.layer_type]
        states = layer.post_norm(super(type(layer), layer).forward(inputs, rotation, None))
        logits = model.lm_head(states)[:, :-1]
        losses.append(torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, depth + 2 :].flatten()))
    return torch.stack(losses).mean()


def test_training_adds_the_heads_mean_loss_with_its_weight(small_model: Build) -> None:
    model = small_model(num_nextn_predict_layers=2, mtp_loss_weight=0.3).train()
    ids = counting(2, 12)
    expected = model.eval()(ids, labels=ids).loss + 0.3 * plain_mtp_loss(model.eval(), ids)
    assert model.train()(ids, labels=ids).loss.item() == pytest.approx(expected.item(), abs=1e-5)


def test_heads_come_back_from_disk(small_model: Build, tmp_path: Path) -> None:
    model = small_model(num_nextn_predict_layers=2)
    model.save_pretrained(tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    torch.testing.assert_close(again.state_dict(), model.state_dict(), atol=0, rtol=0)


def test_a_model_without_heads_says_so(small_model: Build) -> None:
    with pytest.raises(ValueError, match="no MTP heads"):
        small_model().generate(torch.tensor([[1, 2]]), max_new_tokens=3, use_mtp=True)
