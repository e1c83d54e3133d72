"""The model as a whole: the cache against recomputation, windows at their edges, training, saving."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, ContinuousBatchingConfig, GenerationConfig

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


@pytest.mark.parametrize("padding", [0, 3])
@torch.no_grad()
def test_pieces_of_any_length_equal_recomputation(small_model: Build, padding: int) -> None:
    model = small_model()
    ids, mask = tokens(2, 24), torch.ones(2, 24, dtype=torch.long)
    mask[0, :padding] = 0
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    whole = model(ids, attention_mask=mask, position_ids=positions).logits
    cache, start = None, 0
    for end in (4, 9, 10, 18, 24):
        piece = model(
            ids[:, start:end],
            attention_mask=mask[:, :end],
            position_ids=positions[:, start:end],
            cache=cache,
            use_cache=True,
        )
        real = mask[:, start:end].bool()
        torch.testing.assert_close(piece.logits[real], whole[:, start:end][real], atol=1e-5, rtol=0)
        cache, start = piece.cache, end


@torch.no_grad()
def test_texts_packed_into_one_row_do_not_see_each_other(small_model: Build) -> None:
    model = small_model()
    ids = tokens(1, 14)
    positions = torch.cat([torch.arange(9), torch.arange(5)]).unsqueeze(0)
    packed = model(ids, position_ids=positions, use_cache=False).logits[:, 9:]
    torch.testing.assert_close(packed, model(ids[:, 9:]).logits, atol=1e-5, rtol=0)


@torch.no_grad()
def test_all_implementations_of_attention_agree(small_model: Build) -> None:
    model, ids = small_model(), tokens(2, 20)
    ours = model(ids).logits
    model.set_attn_implementation("eager")
    torch.testing.assert_close(model(ids).logits, ours, atol=1e-5, rtol=0)


def test_beams_find_their_tokens_in_the_cache(small_model: Build) -> None:
    model, prompt = small_model(), tokens(2, 8)
    cached = model.generate(prompt, max_new_tokens=12, num_beams=3, do_sample=False)
    assert torch.equal(
        cached, model.generate(prompt, max_new_tokens=12, num_beams=3, do_sample=False, use_cache=False)
    )


@pytest.mark.parametrize("attention", ["gqa", "mfa"])
def test_continuous_batching_writes_what_generate_writes(small_model: Build, attention: str) -> None:
    model = small_model(attention=attention, eos_token_id=95, pad_token_id=0)
    # a 0 in a prompt would be taken for padding
    prompts = [tokens(1, length)[0].clamp(min=1).tolist() for length in (3, 9, 14)]
    settings = GenerationConfig(max_new_tokens=10, do_sample=False, eos_token_id=95, pad_token_id=0)
    alone = [
        model.generate(torch.tensor([prompt]), settings)[0, len(prompt) :].tolist() for prompt in prompts
    ]
    small = ContinuousBatchingConfig(
        num_blocks=16, block_size=32, max_batch_tokens=64
    )  # by default, most of the memory
    together = model.generate_batch(
        inputs=prompts, generation_config=settings, continuous_batching_config=small
    )
    assert sorted(result.generated_tokens for result in together.values()) == sorted(alone)


@pytest.mark.parametrize("attention", ["gqa", "mfa"])
def test_labels_train_it_to_write_what_it_read(small_model: Build, attention: str) -> None:
    model = small_model(attention=attention, initializer_range=0.05).train()
    ids = tokens(2, 24)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(40):
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
