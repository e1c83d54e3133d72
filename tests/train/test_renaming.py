"""Trajectories under other names."""

from __future__ import annotations

import random
import re

from hypothesis import given
from hypothesis import strategies as st

from stepprove.train.renaming import any_name, fragments, renamed
from stepprove.train.tokenizer import train_tokenizer
from stepprove.train.trajectories import TrainingText

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
def test_other_names_leave_everything_else_where_it_was(seed: int) -> None:
    other = renamed(TEXT, random.Random(seed))
    f, t = re.findall(r"(?:def|theorem) (\S+)", other.pieces[0][0])
    assert (len(f), len(t)) == (4, 4) and f != "f_up" and t != "my_t"
    assert [own for _, own in other.pieces] == [False, True, False]
    assert other.text.replace(t, "my_t").replace(f, "f_up") == TEXT.text


@given(seeds, st.integers(1, 40))
def test_any_name_is_one_name_of_its_length(seed: int, length: int) -> None:
    name = any_name(length, random.Random(seed))
    assert len(name) == length and re.fullmatch(r"[A-Za-z][\w.]*", name) and name[-1] not in "._"


def test_names_are_made_of_what_the_tokenizer_cuts_names_into() -> None:
    pieces = fragments(train_tokenizer([TEXT.text] * 20, 400, 512))
    assert {"a", "Z", "Nat", "heorem"} & set(pieces) >= {"a", "Z", "Nat"}
    assert all(piece.isalpha() for piece in pieces) and pieces == sorted(pieces)
