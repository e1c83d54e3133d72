"""A run of fine-tuning as a folder: its data, its stages, and going on after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock
from micro import THEOREM, trajectory
from transformers import AutoModelForCausalLM, AutoTokenizer

from stepprove.train.recipe import BadRecipe, GeneratedTexts, read_rlvr, read_sft
from stepprove.train.run_folder import RunInUse
from stepprove.train.sft.data import completion, made, read_file
from stepprove.train.sft.run import SftProgress, run_sft
from stepprove.train.sft.tokenizer import train_tokenizer

STEPPROVE = [sys.executable, "-c", "from stepprove.cli.start import run; run()"]
TEXT = trajectory("{}")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return train_tokenizer([TEXT.text], 400, 512)


def no_lean() -> Any:
    raise AssertionError("Lean was asked for")


def write(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def recipe_in(folder: Path, stages: int = 2, batch_tokens: int = 300, **more: object) -> Path:
    pairs = ({"prompt": f"theorem t{i} : {i} = {i} := by", "completion": f"  rfl -- {i}"} for i in range(30))
    write(folder / "pairs.jsonl", *pairs)
    write(folder / "texts.jsonl", *[{"pieces": TEXT.pieces}] * 6)
    each = [
        {
            "name": "pairs",
            "data": "pairs.jsonl",
            "epochs": 2,
            "learning_rate": 1e-2,
            "batch_tokens": batch_tokens,
        },
        {"name": "texts", "data": "texts.jsonl", "learning_rate": 1e-3, "renamed_share": 1.0},
    ][:stages]
    path = folder / "r.yaml"
    path.write_text(json.dumps({"kind": "sft", "model": "new", "stages": each, "save_every": 4, **more}))
    return path


def run(path: Path, output: Path, **more: Any) -> list[SftProgress]:
    recipe, text = read_sft(str(path))
    told: list[SftProgress] = []
    run_sft(recipe, text, "new", output, no_lean, listen=told.append, **more)
    return told


def figures(output: Path) -> list[dict[str, float]]:
    files = sorted(output.glob("*/metrics.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def test_what_a_completion_is_asked_by_is_not_learned(tokenizer: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {"prompt": "2 + 2 =", "completion": " 4"})
    (text,) = read_file(path, tokenizer)
    assert text.pieces == (("2 + 2 =", False), (" 4" + tokenizer.eos_token, True))


def test_of_a_chat_the_assistants_turns_are_learned(tokenizer: Any, tmp_path: Path) -> None:
    chat = [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "<think>\nhm</think>1"},
        {"role": "user", "content": "two"},
        {"role": "assistant", "content": "2"},
    ]
    (text,) = read_file(write(tmp_path / "a.jsonl", {"messages": chat}), tokenizer)
    assert text.text == tokenizer.apply_chat_template(chat, tokenize=False)
    learned = [piece for piece, own in text.pieces if own]
    assert learned == ["hm</think>1" + tokenizer.eos_token, "2" + tokenizer.eos_token]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"prompt": "a"}', "line 1: completion: Field required"),
        ('{"text": "a"}', "line 1: a text is an object with pieces"),
        ("{", "line 1: unexpected end"),
        ('{"pieces": [["a", false]]}', "line 1: nothing in the text is to be learned"),
        ("", "holds no text"),
    ],
)
def test_a_line_that_is_no_text_is_named(tokenizer: Any, tmp_path: Path, line: str, words: str) -> None:
    (tmp_path / "a.jsonl").write_text(line + "\n")
    with pytest.raises(BadRecipe, match=words):
        read_file(tmp_path / "a.jsonl", tokenizer)


def test_a_completion_is_the_proof_without_what_was_tried() -> None:
    text = completion(TEXT)
    assert text.pieces[0] == TEXT.pieces[0]
    assert text.text.endswith(f"</think>\n\n```lean4\n{THEOREM.source('omega')}```<｜end▁of▁sentence｜>")
    assert "<sketch>" not in text.pieces[1][0]


def test_stages_of_made_statements_share_no_problem(tokenizer: Any, tmp_path: Path) -> None:
    first = made(GeneratedTexts(generated="statements", texts=20), tokenizer, tmp_path, no_lean, 0)
    second = made(GeneratedTexts(generated="reasoning", texts=20, skip=20), tokenizer, tmp_path, no_lean, 0)
    assert not {text.pieces[0] for text in first} & {text.pieces[0] for text in second}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("stages: []", "stages: Tuple should have at least 1 item"),
        ("stages: [{name: a, data: x}, {name: a, data: y}]", "two stages bear the same name"),
        ("stages: [{name: a, data: {generated: poems, texts: 1}}]", "generated"),
        ("stages: [{name: a/b, data: x}]", "stages.0.name"),
        ("rlvr: {updates: 3}", "is a recipe for `stepprove train rlvr`, not for sft"),
    ],
)
def test_a_recipe_that_cannot_be_used_is_refused_in_one_sentence(
    tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(BadRecipe, match=words):
        read_sft(str(tmp_path / "r.yaml"))


def test_a_recipe_for_fine_tuning_is_none_for_reinforcement(tmp_path: Path) -> None:
    with pytest.raises(BadRecipe, match="is a recipe for `stepprove train sft`"):
        read_rlvr(str(recipe_in(tmp_path)))


def test_stages_follow_one_another_and_a_seed_gives_the_same_run_again(tmp_path: Path) -> None:
    path = recipe_in(tmp_path)
    told = run(path, tmp_path / "one")
    assert [each.stage for each in told if each.done == each.total] == ["pairs", "texts"]
    run(path, tmp_path / "two")
    one, two = figures(tmp_path / "one"), figures(tmp_path / "two")
    assert len(one) == len(told)
    for a, b in zip(one, two, strict=True):
        assert a == pytest.approx(b, abs=1e-6)
    pairs = one[: told[0].total]
    assert pairs[-1]["loss"] < pairs[0]["loss"] / 2
    folder = tmp_path / "one" / "model"
    assert {path.suffix for path in folder.iterdir()} <= {".json", ".safetensors", ".jinja"}
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert len(AutoTokenizer.from_pretrained(folder)) == model.config.vocab_size
    about = json.loads((tmp_path / "one" / "run.json").read_text())
    assert set(about["data_sha256"]) == {"pairs", "texts"}
    assert about["versions"]["torch"] == torch.__version__
    assert (tmp_path / "one" / "recipe.yaml").read_text() == path.read_text()
    assert list((tmp_path / "one" / "tensorboard").glob("*/events*"))
    assert run(path, tmp_path / "one") == []  # there is nothing left to do


def test_a_folder_takes_one_run_at_a_time_and_no_other_runs_data(tmp_path: Path) -> None:
    path = recipe_in(tmp_path, stages=1)
    run(path, tmp_path / "one")
    with FileLock(tmp_path / "one" / ".lock"), pytest.raises(RunInUse, match="Another process"):
        run(path, tmp_path / "one")
    write(tmp_path / "pairs.jsonl", {"prompt": "a", "completion": "b"})
    with pytest.raises(BadRecipe, match="another data sha256"):
        run(path, tmp_path / "one")


def test_texts_that_are_all_too_long_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRecipe, match="Stage pairs: none of 30 texts has at most 16 tokens"):
        run(recipe_in(tmp_path, stages=1, context=16), tmp_path / "one")


@pytest.mark.parametrize(
    ("hardware", "count", "words"),
    [
        ({"gpus": "8xA800", "nodes": 2}, 1, "is for 16 processes and this is one of 1"),
        ({"gpus": "2xCPU:4"}, 8, "is for 2 processes and this is one of 8"),
        (None, 2, "is for 1 process and this is one of 2"),
    ],
)
def test_a_recipe_is_run_by_as_many_processes_as_it_is_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hardware: dict[str, Any] | None, count: int, words: str
) -> None:
    recipe, text = read_sft(str(recipe_in(tmp_path, hardware=hardware)))
    monkeypatch.setenv("WORLD_SIZE", str(count))
    with pytest.raises(BadRecipe, match=words):
        run_sft(recipe, text, tmp_path, tmp_path / "one", no_lean)
    assert not (tmp_path / "one").exists()  # a recipe that is refused leaves nothing behind


def test_several_processes_make_no_model_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(BadRecipe, match="a model that is there"):
        run(recipe_in(tmp_path, hardware={"gpus": "2xCPU:4"}), tmp_path / "one")


@pytest.mark.nightly
def test_a_run_that_was_killed_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    path = recipe_in(tmp_path, batch_tokens=60)
    command = [*STEPPROVE, "train", "sft", str(path), "-o"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([*command, str(tmp_path / "whole")], check=True, env=environment, capture_output=True)
    parts = tmp_path / "parts"
    for steps in (6, 20, 30):  # within the first pass of a stage, in a later one, and in the second stage
        process = subprocess.Popen(
            [*command, str(parts)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 120
        while process.poll() is None and len(figures(parts)) < steps and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run([*command, str(parts)], check=True, env=environment, capture_output=True)
    whole, again = figures(tmp_path / "whole"), figures(parts)
    assert len(whole) == len(again) > 30
    for one, other in zip(whole, again, strict=True):
        assert one == pytest.approx(other, abs=1e-6)
