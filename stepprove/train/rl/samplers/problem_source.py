"""Problems for the rounds of reinforcement learning: theorems to prove, or informal problems to formalize."""

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
from stepprove.train.rl.samplers.statement_sampler import PromptedStatement, truth_of
from stepprove.train.sft.trajectories import problem_of

One = TypeVar("One")
Rounds = Callable[[int], Sequence[One]]
"""Maps a round's number to its problems; the same number gives the same problems."""


def theorems(recipe: RlvrRecipe) -> tuple[Rounds[Problem], str]:
    """Return the theorems of a recipe's rounds, and a hash of their source.

    Raises:
        BadRecipe: the recipe's file holds no problem, or a line is none.
        OSError: the file cannot be read.
    """
    if isinstance(recipe.problems, Path):
        return _listed(recipe.problems, recipe.rlvr.problems, _theorem)
    made = islice(for_training(recipe.rlvr.seed), recipe.skip, None)
    rounds = _made(map(problem_of, made), recipe.rlvr.problems)
    return rounds, _hashed(recipe, [problem.text for problem in rounds(0)])


def informal_problems(recipe: RlvrRecipe, tokenizer: Any) -> tuple[Rounds[PromptedStatement], str]:
    """Return the informal problems of a recipe's rounds with their true statements, and a hash of their source.

    Args:
        recipe: names a file of problems, or the seed that generates them.
        tokenizer: the model's, for the prompt's chat template.

    Raises:
        BadRecipe: the recipe's file holds no problem, or a line is none.
        OSError: the file cannot be read.
    """
    if isinstance(recipe.problems, Path):
        return _listed(recipe.problems, recipe.rlvr.problems, lambda record: _informal(record, tokenizer))
    made = (
        PromptedStatement(prompt_of(tokenizer, one.problem), truth_of(one.meaning.lean))
        for one in informal.generate(recipe.rlvr.seed)
    )
    rounds = _made(islice(made, recipe.skip, None), recipe.rlvr.problems)
    return rounds, _hashed(recipe, [problem.prompt for problem in rounds(0)])


def _theorem(record: Any) -> Problem:
    return Problem.parse(record["formal_statement"])


def _informal(record: Any, tokenizer: Any) -> PromptedStatement:
    if record.get("header", "").strip():
        raise ValueError("a header is not supported here, only what Lean knows without imports")
    truth: Statement = read_statement(record["formal_statement"])
    return PromptedStatement(prompt_of(tokenizer, record["problem"]), truth)


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
    source = f"generated:{recipe.rlvr.seed}:{recipe.skip}:{list(texts)}"
    return hashlib.sha256(source.encode()).hexdigest()
