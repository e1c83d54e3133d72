"""Trajectories under other names."""

from __future__ import annotations

import random
import re

from hypothesis import given
from hypothesis import strategies as st

from stepprove.train.data.renaming import any_name, fragments, nameless, remarked, renamed
from stepprove.train.sft.tokenizer import train_tokenizer
from stepprove.train.sft.trajectories import TrainingText

PROBLEM = "```lean4\ndef f_up : Nat → Nat\n  | 0 => 0\n  | n + 1 => f_up n + 1\n\ntheorem my_t (n : Nat) : f_up n = n := by\n```"
FIRST = "\ntheorem my_t (n : Nat) : f_up n = n := by\n  simp [f_up.eq_1]\n"
TEXT = TrainingText(
    index=0,
    family="sums",
    rejected=1,
    pieces=((PROBLEM, False), (FIRST, True), ("unsolved goals: f_up n = n; my_theorem is another", False)),
)
seeds = st.integers(0, 2**32)


@given(seeds)
def test_another_name_leaves_everything_else_where_it_was(seed: int) -> None:
    other = renamed(TEXT, random.Random(seed))
    (name,) = re.findall(r"theorem (\S+)", other.pieces[0][0])
    assert len(name) == 4 and name != "my_t"
    assert [own for _, own in other.pieces] == [False, True, False]
    assert other.text.replace(name, "my_t") == TEXT.text


@given(seeds)
def test_definitions_get_other_names_where_it_is_wished(seed: int) -> None:
    other = renamed(TEXT, random.Random(seed), definitions=True)
    (name,), (function,) = (re.findall(rf"{word} (\S+)", other.pieces[0][0]) for word in ("theorem", "def"))
    assert function != "f_up" and name != function
    assert other.text.replace(name, "my_t").replace(function, "f_up") == TEXT.text


@given(seeds)
def test_a_remark_stands_above_the_problem_and_nowhere_else(seed: int) -> None:
    other = remarked(TEXT, random.Random(seed))
    assert re.sub(r"/-- [\w .]+ -/\n", "", other.pieces[0][0], count=1) == PROBLEM
    assert other.pieces[1:] == TEXT.pieces[1:]


@given(seeds, st.integers(1, 40))
def test_any_name_is_one_name_of_its_length(seed: int, length: int) -> None:
    name = any_name(length, random.Random(seed))
    assert len(name) == length and re.fullmatch(r"[A-Za-z][\w.]*", name) and name[-1] not in "._"


def test_names_are_made_of_what_the_tokenizer_cuts_names_into() -> None:
    pieces = fragments(train_tokenizer([TEXT.text] * 20, 400, 512))
    assert {"a", "Z", "Nat", "heorem"} & set(pieces) >= {"a", "Z", "Nat"}
    assert all(piece.isalpha() for piece in pieces) and pieces == sorted(pieces)


def test_a_tokenizer_learns_no_words_of_which_only_names_are_made() -> None:
    assert "my_t " not in nameless(TEXT) and "my_theorem" in nameless(TEXT) and "f_up" in nameless(TEXT)
    tokens = train_tokenizer([nameless(TEXT)] * 9, 300, 64).get_vocab()
    assert "my_t" not in {token.removeprefix("Ġ") for token in tokens}
