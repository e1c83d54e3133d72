"""Generated theorems: the same for a seed, readable for Lean, and apart in training and test."""

from __future__ import annotations

import re
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepprove.lean_project import Repl, find_engine
from stepprove.lean_project.repl.protocol import CommandResponse
from stepprove.train.data.families import FAMILIES
from stepprove.train.data.theorems import Theorem, generate, held_out, is_held_out, shape

seeds = st.integers(min_value=0, max_value=10**6)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_a_seed_gives_the_same_theorems_again(seed: int) -> None:
    assert list(islice(generate(seed), 20)) == list(islice(generate(seed), 20))


def test_families_come_in_turn() -> None:
    assert [theorem.family for theorem in islice(generate(1), len(FAMILIES))] == list(FAMILIES)


@given(seeds)
@settings(max_examples=50, deadline=None)
def test_other_names_make_the_same_shape(seed: int) -> None:
    for theorem in islice(generate(seed), 5):
        name = "renamed_theorem"
        statement = re.sub(rf"\b{re.escape(theorem.name)}\b", name, theorem.statement, count=1)
        assert shape(Theorem(theorem.family, name, theorem.definitions, statement)) == shape(theorem)


def test_other_variables_make_the_same_shape_and_other_numbers_another() -> None:
    def of(claim: str) -> str:
        return shape(Theorem("linear", "t", "", f"theorem t {claim} :="))

    assert of("(x y : Nat) (h : x < y) : 2 * x < 2 * y") == of("(a k : Nat) (H1 : a < k) : 2 * a < 2 * k")
    assert of("(x : Nat) : x + 2 = 2 + x") != of("(x : Nat) : x + 3 = 3 + x")
    assert of("(x : Nat) : x + 2 = 2 + x") != of("(x : Int) : x + 2 = 2 + x")


def test_no_two_theorems_for_tests_are_alike_and_none_is_for_training() -> None:
    theorems = held_out(60, 0)
    assert len({shape(theorem) for theorem in theorems}) == len(theorems) == 60
    assert all(map(is_held_out, theorems))
    assert {theorem.family for theorem in theorems} == set(FAMILIES)


def test_every_second_theorem_for_tests_has_a_name_of_words_that_none_for_training_has() -> None:
    theorems = held_out(60, 0)
    assert all(theorem.statement.startswith(f"theorem {theorem.name} ") for theorem in theorems)
    words = {word for theorem in islice(generate(0), 2000) for word in theorem.name.split("_")}
    unknown = [not words & {*theorem.name.split("_")} for theorem in theorems]
    assert all(unknown[::2]) and not any(unknown[1::2])


@pytest.mark.nightly
def test_more_theorems_for_tests_than_there_are_are_refused() -> None:
    with pytest.raises(ValueError, match="there are only"):
        held_out(10**4, 0)


def test_lean_reads_every_family() -> None:
    with Repl(find_engine()) as repl:
        for theorem in islice(generate(4), 3 * len(FAMILIES)):
            answer = repl.command(theorem.source())
            assert isinstance(answer, CommandResponse)
            assert not answer.has_errors and len(answer.sorries) == 1, theorem
