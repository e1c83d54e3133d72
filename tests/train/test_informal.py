"""Problems in words made by templates, and the texts that a formalizer learns on."""

from __future__ import annotations

import random
import re
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepprove.formalizer.statement import read_statement
from stepprove.lean_project.pool.pool import SyncPool
from stepprove.train.data.formalizer_texts import (
    corpus,
    eight_parts,
    fixed_texts,
    knowledge_text,
    reasoning_text,
)
from stepprove.train.data.informal import generate, held_out_families, held_out_phrasings
from stepprove.train.data.informal.families import FAMILIES, KEPT_FAMILIES
from stepprove.train.data.informal.frames import FRAMES, KEPT_FRAMES, framed
from stepprove.train.sft.tokenizer import train_tokenizer


@given(st.sampled_from(sorted(FAMILIES)), st.integers(0, 2**32), st.booleans())
def test_every_meaning_can_be_said_and_read(family: str, seed: int, kept: bool) -> None:
    rng = random.Random(seed)
    meaning = FAMILIES[family](rng)
    problem = framed(KEPT_FRAMES if kept else FRAMES, meaning, rng)
    assert "{" not in problem and problem.endswith(".") and "  " not in problem
    for objects in meaning.objects:
        assert set(objects.names) <= set(re.findall(r"\w+", problem))
    bound = [*(name for objects in meaning.objects for name in objects.names), "h", "h1", "h2"]
    assert len(set(bound)) == len(bound)
    assert read_statement(f"theorem t {meaning.lean} := by sorry").declaration.name == "t"


def test_there_are_many_families_and_each_has_several_phrasings() -> None:
    assert len(FAMILIES) - len(KEPT_FAMILIES) >= 12
    for family in FAMILIES:
        rng = random.Random(1)
        said = {framed(FRAMES, FAMILIES[family](random.Random(5)), rng) for _ in range(40)}
        assert len(said) >= 3, family


def test_lean_accepts_every_family(pool: SyncPool) -> None:
    rng = random.Random(3)
    for family, draw in FAMILIES.items():
        for _ in range(4):
            check = pool.check(f"theorem t {draw(rng).lean} := by sorry")
            assert check.answer is not None and not check.answer.has_errors, (family, check.answer)  # type: ignore[union-attr]


def test_tests_share_no_problem_with_training() -> None:
    taught = {one.problem for one in islice(generate(0), 20_000)}
    phrasings, families = held_out_phrasings(100, 1), held_out_families(60, 1)
    assert not taught & {one.problem for one in [*phrasings, *families]}
    assert {one.family for one in families} == set(KEPT_FAMILIES)
    assert not {one.family for one in phrasings} & set(KEPT_FAMILIES)


def test_the_same_seed_makes_the_same_problems() -> None:
    assert list(islice(generate(4), 50)) == list(islice(generate(4), 50))


def test_the_two_stages_differ_in_the_thought_alone() -> None:
    problems = list(islice(generate(0), 40))
    tokenizer = train_tokenizer(corpus(problems), 500, 512, fixed_texts())
    for one in problems:
        bare, thought = knowledge_text(tokenizer, one, 0), reasoning_text(tokenizer, one, 0)
        assert bare.pieces[0] == thought.pieces[0] and one.problem in bare.pieces[0][0]
        assert thought.pieces[1][0] == eight_parts(one.meaning) + bare.pieces[1][0]
        assert bare.pieces[1][0] == f"</think>\n\n```lean4\n{one.statement}\n```{tokenizer.eos_token}"


@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_every_prompt_has_is_one_token(place: int) -> None:
    tokenizer = train_tokenizer(corpus(list(islice(generate(0), 20))), 500, 512, fixed_texts())
    assert len(tokenizer(fixed_texts()[place])["input_ids"]) == 1
