"""What a recipe for reinforcement asks, round by round."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stepprove.train.recipe import BadRecipe, RlvrRecipe
from stepprove.train.rl.rlvr import RlvrOptions
from stepprove.train.rl.samplers.problem_source import informal_problems, theorems
from stepprove.train.sft.tokenizer import train_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return train_tokenizer(["theorem"], 300, 512)


def recipe_of(path: Path | None = None, problems: int = 2, **more: Any) -> RlvrRecipe:
    return RlvrRecipe(problems=path or "generated", rlvr=RlvrOptions(problems=problems), **more)


def listed(folder: Path, *records: object) -> Path:
    path = folder / "problems.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_a_file_is_gone_through_in_turn_and_then_again(tmp_path: Path) -> None:
    path = listed(
        tmp_path, *({"formal_statement": f"theorem t{i} : {i} = {i} := by sorry"} for i in range(3))
    )
    rounds, _ = theorems(recipe_of(path))
    names = [[problem.text.split()[1] for problem in rounds(number)] for number in range(3)]
    assert names == [["t0", "t1"], ["t2", "t0"], ["t1", "t2"]]


def test_generated_theorems_go_on_where_others_were_left(tmp_path: Path) -> None:
    rounds, digest = theorems(recipe_of())
    later, other = theorems(recipe_of(skip=2))
    assert later(0) == rounds(1)
    assert rounds(0) != rounds(1) and rounds(1) == rounds(1)
    assert digest != other


def test_generated_problems_in_words_go_on_too(tokenizer: Any) -> None:
    rounds, digest = informal_problems(recipe_of(reward="beq"), tokenizer)
    later, other = informal_problems(recipe_of(reward="beq", skip=4), tokenizer)
    assert [asked.prompt for asked in later(0)] == [asked.prompt for asked in rounds(2)]
    assert digest != other


def test_a_problem_in_words_comes_with_what_is_meant(tokenizer: Any, tmp_path: Path) -> None:
    meant = "theorem two : 1 + 1 = 2 := by sorry"
    path = listed(tmp_path, {"problem": "Add one to one.", "formal_statement": meant})
    (asked,) = informal_problems(recipe_of(path, problems=1, reward="beq"), tokenizer)[0](0)
    assert "Add one to one." in asked.prompt and "1 + 1 = 2" in asked.truth.text


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ([1], "line 2: no problem can be read"),
        ({"problem": "p"}, r"line 2: no problem can be read \('formal_statement'\)"),
        ({"formal_statement": "theorem t : 1 = 1 := by sorry"}, r"line 2: .*\('problem'\)"),
        ({"problem": "p", "formal_statement": "def f := 1"}, "line 2: no problem"),
        (
            {"problem": "p", "formal_statement": "theorem t : 1 = 1 := by sorry", "header": "import Mathlib"},
            "line 2: .*a header is not supported",
        ),
    ],
)
def test_a_line_that_is_no_problem_is_named(
    tokenizer: Any, tmp_path: Path, record: object, words: str
) -> None:
    path = listed(tmp_path, {"problem": "p", "formal_statement": "theorem t : 1 = 1 := by sorry"}, record)
    with pytest.raises(BadRecipe, match=words):
        informal_problems(recipe_of(path, reward="beq"), tokenizer)


def test_a_file_without_a_problem_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRecipe, match="holds no problem"):
        theorems(recipe_of(listed(tmp_path)))
