"""The model as a whole: the cache against recomputation, windows at their edges, training, saving."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM

from stepprove.serving.step_moe import StepMoeForCausalLM

Build = Callable[..., StepMoeForCausalLM]


def tokens(batch: int, length: int) -> Tensor:
    return torch.randint(0, 96, (batch, length), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("attention", ["gqa", "mfa"])
@torch.no_grad()
def test_a_step_from_the_cache_equals_recomputation_with_left_padding(
    small_model: Build, attention: str
) -> None:
    model = small_model(attention=attention)
    ids, mask = tokens(3, 20), torch.ones(3, 20, dtype=torch.long)
    mask[0, :3], mask[1, :11] = 0, 0
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    whole = model(ids, attention_mask=mask, position_ids=positions).logits
    cache, steps = None, []
    for end in range(1, 21):
        step = model(
            ids[:, end - 1 : end],
            attention_mask=mask[:, :end],
            position_ids=positions[:, end - 1 : end],
            cache=cache,
            use_cache=True,
        )
        cache = step.cache
        steps.append(step.logits)
    tokens_only = mask.bool()
    torch.testing.assert_close(torch.cat(steps, 1)[tokens_only], whole[tokens_only], atol=1e-5, rtol=0)


@pytest.mark.parametrize("attention", ["gqa", "mfa"])
@torch.no_grad()
def test_padding_on_the_left_changes_nothing(small_model: Build, attention: str) -> None:
    model = small_model(attention=attention)
    ids, mask = tokens(2, 16), torch.ones(2, 16, dtype=torch.long)
    mask[1, :7] = 0
    padded = model(ids, attention_mask=mask, position_ids=(mask.cumsum(1) - 1).clamp(min=0)).logits[1:, 7:]
    torch.testing.assert_close(padded, model(ids[1:, 7:]).logits, atol=1e-5, rtol=0)


@pytest.mark.parametrize("attention", ["gqa", "mfa"])
def test_labels_train_it_to_write_what_it_read(small_model: Build, attention: str) -> None:
    model = small_model(attention=attention, initializer_range=0.05).train()
    ids = tokens(2, 24)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(60):
        model(ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    written = model.eval().generate(ids[:, :4], max_new_tokens=20, do_sample=False)
    assert torch.equal(written, ids)


def test_it_comes_back_from_disk_as_it_was(small_model: Build, tmp_path: Path) -> None:
    model = small_model()
    model.save_pretrained(tmp_path)
    assert AutoConfig.from_pretrained(tmp_path).to_json_string() == model.config.to_json_string()
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert isinstance(again, StepMoeForCausalLM)
    torch.testing.assert_close(again.state_dict(), model.state_dict(), atol=0, rtol=0)
    with torch.no_grad():  # memory mapped from the file is aligned otherwise, so that other kernels may run
        torch.testing.assert_close(again(tokens(1, 9)).logits, model(tokens(1, 9)).logits, atol=1e-5, rtol=0)
