"""What reinforcement learning asks in its rounds, gone through in turn: theorems to prove, or problems in words to state."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import orjson

from stepprove.agent.models.problem import Problem
from stepprove.formalizer.statement import BadStatement, Statement, read_statement
from stepprove.train.data import informal
from stepprove.train.data.formalizer_texts import prompt_of
from stepprove.train.data.theorems import for_training
from stepprove.train.recipe import BadRecipe, RlvrRecipe
from stepprove.train.rl.statement_sampler import InformalProblem, truth_of
from stepprove.train.sft.trajectories import problem_of

One = TypeVar("One")
Rounds = Callable[[int], Sequence[One]]
"""The problems of a round, of its number; the same when asked again."""


def theorems(recipe: RlvrRecipe) -> tuple[Rounds[Problem], str]:
    """Theorems to prove, and a hash of what they follow from. Raises BadRecipe, OSError."""
    if isinstance(recipe.problems, Path):
        return _listed(recipe.problems, recipe.rlvr.problems, _theorem)
    made = islice(for_training(recipe.rlvr.seed), recipe.skip, None)
    rounds = _made(map(problem_of, made), recipe.rlvr.problems)
    return rounds, _hashed(recipe, [problem.text for problem in rounds(0)])


def informal_problems(recipe: RlvrRecipe, tokenizer: Any) -> tuple[Rounds[InformalProblem], str]:
    """Problems in words with the statements that are meant, and a hash of what they follow from. Raises BadRecipe, OSError."""
    if isinstance(recipe.problems, Path):
        return _listed(recipe.problems, recipe.rlvr.problems, lambda record: _asked(record, tokenizer))
    made = (
        InformalProblem(prompt_of(tokenizer, one.problem), truth_of(one.meaning.lean))
        for one in informal.generate(recipe.rlvr.seed)
    )
    rounds = _made(islice(made, recipe.skip, None), recipe.rlvr.problems)
    return rounds, _hashed(recipe, [asked.prompt for asked in rounds(0)])


def _theorem(record: Any) -> Problem:
    return Problem.parse(record["formal_statement"])


def _asked(record: Any, tokenizer: Any) -> InformalProblem:
    if record.get("header", "").strip():
        raise ValueError("a header is not supported here, only what Lean knows without imports")
    truth: Statement = read_statement(record["formal_statement"])
    return InformalProblem(prompt_of(tokenizer, record["problem"]), truth)


def _made(source: Iterator[One], size: int) -> Rounds[One]:
    made: list[One] = []

    def rounds(number: int) -> Sequence[One]:
        made.extend(islice(source, max(0, (number + 1) * size - len(made))))
        return made[number * size : (number + 1) * size]

    return rounds


def _listed(path: Path, size: int, read: Callable[[Any], One]) -> tuple[Rounds[One], str]:
    data = path.read_bytes()
    listed: list[One] = []
    for place, line in enumerate(data.splitlines(), 1):
        try:
            listed.append(read(orjson.loads(line)))
        except (
            orjson.JSONDecodeError,
            BadStatement,
            KeyError,
            TypeError,
            ValueError,
            AttributeError,
        ) as wrong:
            raise BadRecipe(f"{path}, line {place}: no problem can be read ({wrong}).") from None
    if not listed:
        raise BadRecipe(f"{path} holds no problem.")
    return (
        lambda number: [listed[(number * size + i) % len(listed)] for i in range(size)],
        hashlib.sha256(data).hexdigest(),
    )


def _hashed(recipe: RlvrRecipe, texts: Sequence[str]) -> str:
    said = f"generated:{recipe.rlvr.seed}:{recipe.skip}:{list(texts)}"
    return hashlib.sha256(said.encode()).hexdigest()
