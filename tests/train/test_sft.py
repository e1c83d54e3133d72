"""The tokenizer and fine-tuning, on a model of a few thousand parameters."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from micro import config
from transformers import AutoModelForCausalLM, AutoTokenizer

from stepprove.agent.models.stepfun import END, SKETCH, SKETCH_END, SYSTEM_PROMPT, build_prompt
from stepprove.serving.step_moe import StepMoeForCausalLM
from stepprove.train.data.theorems import Theorem
from stepprove.train.sft.batches import IGNORED, Batches, encode
from stepprove.train.sft.sft import SftOptions, fine_tune
from stepprove.train.sft.tokenizer import train_tokenizer
from stepprove.train.sft.trajectories import TrainingText, problem_of


def text(number: int) -> TrainingText:
    theorem = Theorem(
        "linear", f"t_{number}", "", f"theorem t_{number} (x : Nat) : x + {number} = {number} + x :="
    )
    code = theorem.source("omega")
    return TrainingText(
        index=number,
        family="linear",
        rejected=0,
        pieces=(
            (build_prompt(problem_of(theorem)), False),
            (f"Plan: omega.\n{SKETCH}\n{code}{SKETCH_END}", True),
            ("\n<REPL>\n{}\n</REPL>", False),
            (f"\nLean accepts it.\n</think>\n\n```lean4\n{code}```{END}", True),
        ),
    )


TEXTS = [text(number) for number in range(8)]


@pytest.fixture(scope="module")
def tokenizer():  # type: ignore[no-untyped-def]
    return train_tokenizer((each.text for each in TEXTS), 400, 512)


def test_texts_survive_the_tokenizer(tokenizer) -> None:  # type: ignore[no-untyped-def]
    for each in [*(t.text for t in TEXTS), "∃ x, ¬(P ∧ Q) ↔ α₁ ≤ ⟨𝔸⟩\n  ·\t\x00"]:
        assert tokenizer.decode(tokenizer(each)["input_ids"]) == each


def test_the_protocols_texts_are_one_token_each_and_stay_in_what_is_decoded(tokenizer) -> None:  # type: ignore[no-untyped-def]
    for each in (SKETCH, SKETCH_END, "</think>", SYSTEM_PROMPT):
        ids = tokenizer(each)["input_ids"]
        assert len(ids) == 1
        assert tokenizer.decode(ids, skip_special_tokens=True) == each


def test_the_chat_template_is_the_prompt_of_the_protocol(tokenizer) -> None:  # type: ignore[no-untyped-def]
    chat = [
        {"role": "system", "content": SYSTEM_PROMPT},
        {"role": "user", "content": "```lean4\ntheorem\n```"},
    ]
    said = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    assert said == (
        f"<｜begin▁of▁sentence｜>{SYSTEM_PROMPT}<｜User｜>```lean4\ntheorem\n```<｜Assistant｜><think>\n"
    )


def test_only_the_models_own_words_have_labels(tokenizer) -> None:  # type: ignore[no-untyped-def]
    ids, labels = encode(TEXTS[0], tokenizer)
    learned = tokenizer.decode([label for label in labels if label != IGNORED])
    assert learned == "".join(piece for piece, own in TEXTS[0].pieces if own)
    assert all(label in (token, IGNORED) for token, label in zip(ids, labels, strict=True))


def test_batches_hold_every_text_once_and_pad_at_the_end() -> None:
    texts = [([7] * length, [length] * length) for length in (3, 9, 4, 8, 2)]
    batches = list(Batches(texts, 16, 0, 0))
    seen = sorted(int(row[0]) for batch in batches for row in batch["labels"])
    assert seen == [2, 3, 4, 8, 9]
    for batch in batches:
        assert batch["input_ids"].numel() <= 16
        for row, labels in zip(batch["input_ids"], batch["labels"], strict=True):
            length = int(labels[0])
            assert row.tolist() == [7] * length + [0] * (len(row) - length)
            assert labels.tolist()[length:] == [IGNORED] * (len(row) - length)


def test_a_batch_has_no_more_texts_than_asked_for() -> None:
    texts = [([7] * length, [length] * length) for length in (3, 9, 4, 8, 2)]
    sizes = [len(batch["labels"]) for batch in Batches(texts, 1000, 0, 0, most=2)]
    assert sorted(sizes) == [1, 2, 2]


def test_a_model_learns_its_texts_and_is_saved_so_that_transformers_loads_it(
    tokenizer, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    torch.manual_seed(0)
    model = StepMoeForCausalLM(config(len(tokenizer)))
    losses: list[float] = []
    options = SftOptions(epochs=30, learning_rate=1e-2, batch_tokens=1024, renamed_share=0.0)
    fine_tune(
        model, tokenizer, TEXTS, tmp_path, options, listen=lambda step, steps, loss: losses.append(loss)
    )
    assert losses[-1] < losses[0] / 4
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    ids = torch.tensor([encode(TEXTS[0], AutoTokenizer.from_pretrained(tmp_path))[0]])
    with torch.no_grad():
        assert torch.allclose(model.eval()(ids).logits, again.eval()(ids).logits, atol=1e-5)


def test_texts_beyond_the_context_are_left_out(tokenizer, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    long = TEXTS[0].model_copy(update={"pieces": (*TEXTS[0].pieces, ("omega " * 1100, True))})
    figures = fine_tune(
        StepMoeForCausalLM(config(len(tokenizer))),
        tokenizer,
        [TEXTS[0], long],
        tmp_path,
        SftOptions(epochs=1),
    )
    assert figures["tokens"] == len(encode(TEXTS[0], tokenizer)[0])
