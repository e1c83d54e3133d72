"""Sequences that are decoded together are the ones that each would be alone."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence

import pytest
import torch
from small_models import step_moe, tokenizer
from transformers import LlamaConfig, LlamaForCausalLM, MambaConfig, MambaForCausalLM, PreTrainedModel

from stepprove.serving.serve.batching import MOST_ROWS_ON_GPU, Decoder, _Ends, batchable, rows_within
from stepprove.serving.serve.drawing import draw_tokens
from stepprove.serving.serve.rows import Row
from stepprove.serving.serve.sampler import SamplingParams

GREEDY = SamplingParams(max_tokens=24, temperature=0)


def llama() -> PreTrainedModel:
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=120,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        initializer_range=0.4,
        eos_token_id=0,
        pad_token_id=0,
    )
    return LlamaForCausalLM(config).eval()


def decoded(model: PreTrainedModel, rows: Sequence[tuple[list[int], SamplingParams]]) -> list[Row]:
    """The rows, all asked for at once, at their ends."""
    decoder = Decoder(model, tokenizer())
    left = threading.Semaphore(0)
    asked = [Row(prompt, params, lambda row: left.release() if row.over else None) for prompt, params in rows]
    for row in asked:
        decoder.add(row)
    for _ in asked:
        assert left.acquire(timeout=60)
    return asked


def alone(model: PreTrainedModel, prompt: list[int], count: int) -> list[int]:
    """transformers' own greedy continuation, without an end."""
    ids = torch.tensor([prompt])
    output = model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, min_new_tokens=count, max_new_tokens=count
    )
    return [int(token) for token in output[0, len(prompt) :]]


@pytest.mark.parametrize("make", [step_moe, llama])
def test_rows_of_all_lengths_are_what_generate_writes(make: type) -> None:
    model = make()
    prompts = [[5 + (7 * place + i) % 100 for i in range(1 + 5 * place)] for place in range(9)]
    ends = [4 + 5 * (place % 4) for place in range(9)]  # rows leave at different times
    wanted = [alone(model, prompt, count) for prompt, count in zip(prompts, ends, strict=True)]
    rows = decoded(
        model,
        [
            (prompt, SamplingParams(max_tokens=count, temperature=0))
            for prompt, count in zip(prompts, ends, strict=True)
        ],
    )
    assert [row.tokens for row in rows] == wanted
    assert all(row.finish == "length" for row in rows)


def test_more_rows_than_a_batch_holds_take_turns() -> None:
    rows = decoded(
        step_moe(), [([3 + place % 50], SamplingParams(max_tokens=1 + place % 7)) for place in range(80)]
    )
    assert [len(row.tokens) for row in rows] == [1 + place % 7 for place in range(80)]


def test_a_seed_fixes_a_row_whatever_stands_beside_it() -> None:
    model = step_moe()
    seeded = SamplingParams(max_tokens=20, seed=7, top_p=0.9)
    (first,) = decoded(model, [([9, 8, 7], seeded)])
    among = decoded(model, [([4] * 9, SamplingParams(max_tokens=30)), ([9, 8, 7], seeded), ([5], GREEDY)])
    assert among[1].tokens == first.tokens
    assert among[1].logprobs == pytest.approx(first.logprobs, abs=1e-4)
    others = {
        tuple(decoded(model, [([9, 8, 7], SamplingParams(max_tokens=20, seed=s))])[0].tokens)
        for s in range(4)
    }
    assert len(others) == 4


def test_a_stop_string_that_spans_tokens_ends_a_row() -> None:
    model, letters = step_moe(), tokenizer()
    text = letters.decode(alone(model, [9, 8, 7], 24))
    stop = text[6:9]
    (row,) = decoded(model, [([9, 8, 7], SamplingParams(max_tokens=24, temperature=0, stop=("never", stop)))])
    written = letters.decode(row.tokens)
    assert (row.finish, row.stopped_by) == ("stop", stop)
    assert written.endswith(stop) and len(written) == text.find(stop) + 3


def test_an_end_token_ends_a_row() -> None:
    model = step_moe()
    fifth = alone(model, [9, 8, 7], 5)[-1]
    params = SamplingParams(max_tokens=24, temperature=0, end_tokens=frozenset({fifth}))
    (row,) = decoded(model, [([9, 8, 7], params)])
    assert (row.finish, row.stopped_by, row.tokens[-1]) == ("stop", fifth, fifth)


def test_the_end_of_the_context_ends_a_row() -> None:
    (row,) = decoded(step_moe(), [([5] * 500, SamplingParams(max_tokens=100))])
    assert (row.finish, len(row.tokens)) == ("length", 12)
    with pytest.raises(ValueError, match="has 512 tokens; this model takes 1 to 511"):
        Decoder(step_moe(), tokenizer()).add(Row([5] * 512, GREEDY, lambda row: None))


def test_a_failing_model_fails_its_rows_and_goes_on() -> None:
    model = step_moe()
    failed, fine = decoded(model, [([5, 500], GREEDY)]), decoded(model, [([5], GREEDY)])
    assert failed[0].failure is not None and fine[0].failure is None


def test_a_row_that_is_no_longer_wanted_leaves() -> None:
    decoder = Decoder(step_moe(), tokenizer())
    begun, other = threading.Event(), threading.Event()
    row = Row([5], SamplingParams(max_tokens=500), lambda row: begun.set())
    decoder.add(row)
    assert begun.wait(60)
    row.cancelled = True
    decoder.add(Row([6], GREEDY, lambda row: other.set() if row.over else None))
    assert other.wait(60)
    assert len(row.tokens) < 500


def test_draws_follow_the_distribution() -> None:
    logits = torch.tensor([[0.0, 2.0, 1.0, -1.0]])
    params = SamplingParams(max_tokens=1, temperature=0.5)
    places = (torch.arange(2000) + 0.5) / 2000
    tokens = draw_tokens(logits.expand(2000, -1), [params] * 2000, places.tolist())
    shares = torch.bincount(tokens, minlength=4) / 2000
    assert torch.allclose(shares, (logits[0] / 0.5).softmax(-1), atol=1e-3)


@pytest.mark.parametrize(
    ("params", "kept"),
    [
        (SamplingParams(1, top_k=1), {1}),
        (SamplingParams(1, top_k=3), {0, 1, 2}),
        (SamplingParams(1, top_p=0.6), {1}),
        (SamplingParams(1, top_p=0.8), {1, 2}),
        (SamplingParams(1, temperature=0), {1}),
        (SamplingParams(1), {0, 1, 2, 3}),
    ],
)
def test_draws_are_cut_as_asked(params: SamplingParams, kept: set[int]) -> None:
    logits = torch.tensor([[0.0, 2.0, 1.0, -1.0]]).expand(500, -1)  # shares 0.09, 0.64, 0.24, 0.03
    seen = Counter(draw_tokens(logits, [params] * 500, [place / 500 for place in range(500)]).tolist())
    assert set(seen) == kept


def test_what_remembers_more_than_keys_and_values_is_not_batched() -> None:
    mamba = MambaForCausalLM(MambaConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1))
    assert batchable(step_moe()) and batchable(llama())
    assert not batchable(mamba)


def test_a_gpu_takes_as_many_rows_as_its_memory_has_room_for() -> None:
    config = step_moe().config  # 5 layers with 2 heads of 8: 160 values a token
    assert rows_within(10 * 160 * 4 * 512, config, 512, 4) == 10
    assert rows_within(0, config, 512, 4) == 1
    assert rows_within(1e12, config, 512, 4) == MOST_ROWS_ON_GPU


@pytest.mark.parametrize("stop", [">", " ", "é", "b>"])
def test_a_stop_string_ends_a_row_whatever_its_last_character_is(stop: str) -> None:
    row = Row([1], SamplingParams(max_tokens=9, stop=(stop,)), lambda row: None, tokens=[1, 2])
    assert _Ends(Spelled({1: "a b", 2: f"{stop}c"})).stop_string(row) == stop
    assert _Ends(Spelled({1: "a", 2: "c"})).stop_string(row) is None


class Spelled:
    """Decodes by a table, and loses a blank before the first word, as some tokenizers do."""

    def __init__(self, texts: dict[int, str]) -> None:
        self.texts = texts

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(self.texts[i] for i in ids).lstrip()
