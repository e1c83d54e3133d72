"""A run of reinforcement learning as a folder: its recipe and versions, its figures, and where it goes on after a kill."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import torch
from torch.utils.tensorboard import SummaryWriter
from transformers import AutoModelForCausalLM, AutoTokenizer

from stepprove.agent.problem import Problem
from stepprove.lean_project.engine import Engine
from stepprove.lean_project.pool import Pool
from stepprove.train.proving import proofs
from stepprove.train.recipe import BadRecipe, RlvrRecipe
from stepprove.train.rlvr import Checkpoint, Update, train
from stepprove.train.run_folder import (
    FIGURES,
    MODEL,
    TENSORBOARD,
    agree,
    cut_figures,
    digest_of_weights,
    only_writer,
)
from stepprove.train.theorems import generate, is_held_out
from stepprove.train.trajectories import problem_of

_CHECKPOINT = "checkpoint.pt"


def run_rlvr(
    recipe: RlvrRecipe,
    text: str,
    model_folder: Path,
    output: Path,
    engine: Engine,
    *,
    listen: Callable[[Update], None] = lambda update: None,
) -> None:
    """Train, or go on with what the folder holds, and write the model to `output/model`.

    Args:
        recipe: what to do.
        text: of the recipe, kept in the folder.
        model_folder: the model to begin with.
        output: the run's folder; one that another recipe began is refused.
        engine: Lean.
        listen: told each update, those of earlier runs of the folder left out.

    Raises BadRecipe, RunInUse, OSError, RewardHack, and ReplFailure when Lean cannot be run.
    """
    with only_writer(output):
        asyncio.run(_run(recipe, text, model_folder, output, engine, listen))


async def _run(
    recipe: RlvrRecipe,
    text: str,
    model_folder: Path,
    output: Path,
    engine: Engine,
    listen: Callable[[Update], None],
) -> None:
    problems, digest = _problems(recipe)
    tokenizer: Any = AutoTokenizer.from_pretrained(model_folder)
    model = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
    about = {
        "recipe": recipe.model_dump(mode="json"),
        "model": str(model_folder),
        "model_sha256": digest_of_weights(model_folder),
        "problems_sha256": digest,
    }
    start = None
    if agree(output, about, text, lean=engine.lean_version) and (output / _CHECKPOINT).exists():
        start = Checkpoint(**torch.load(output / _CHECKPOINT, weights_only=True))
    done = start.updates if start is not None else 0
    cut_figures(output / FIGURES, done)
    with (
        (output / FIGURES).open("ab") as file,
        SummaryWriter(str(output / TENSORBOARD), purge_step=done) as board,
    ):

        def keep(update: Update, checkpoint: Checkpoint) -> None:
            # In this order: an update whose figures are there and whose checkpoint is not is made again, and none is missing.
            file.write(orjson.dumps(asdict(update)) + b"\n")
            file.flush()
            for name, value in asdict(update).items():
                if name != "number" and value is not None:
                    board.add_scalar(name, value, update.number)
            _keep(output / _CHECKPOINT, checkpoint)
            listen(update)

        async with Pool(engine, size=recipe.jobs) as pool:
            await train(
                model,
                tokenizer,
                proofs(tokenizer, pool, problems, recipe.rlvr),
                recipe.rlvr,
                methods=recipe.methods,
                start=start,
                keep=keep,
            )
    model.save_pretrained(output / MODEL)
    tokenizer.save_pretrained(output / MODEL)


def _keep(path: Path, checkpoint: Checkpoint) -> None:
    """Write where to go on, so that a kill at any moment leaves the old or the new one."""
    new = path.with_suffix(".new")
    parts = {name: getattr(checkpoint, name) for name in ("updates", "model", "sampler", "optimizer")}
    torch.save(parts, new)
    with new.open("rb") as file:
        os.fsync(file.fileno())
    new.replace(path)


def _problems(recipe: RlvrRecipe) -> tuple[Callable[[int], Sequence[Problem]], str]:
    """The problems of each round, and what they follow from, hashed. Raises BadRecipe, OSError."""
    size = recipe.rlvr.problems
    if recipe.problems == "generated":
        made: list[Problem] = []
        theorems = (t for t in generate(recipe.rlvr.seed) if not is_held_out(t))

        def generated(number: int) -> Sequence[Problem]:
            made.extend(problem_of(t) for t in islice(theorems, max(0, (number + 1) * size - len(made))))
            return made[number * size : (number + 1) * size]

        seed = f"generated:{recipe.rlvr.seed}:{[p.text for p in generated(0)]}"
        return generated, hashlib.sha256(seed.encode()).hexdigest()
    path = Path(recipe.problems)
    data = path.read_bytes()
    listed: list[Problem] = []
    for place, line in enumerate(data.splitlines(), 1):
        try:
            listed.append(Problem.parse(orjson.loads(line)["formal_statement"]))
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as wrong:
            raise BadRecipe(f"{path}, line {place}: no problem can be read ({wrong}).") from None
    if not listed:
        raise BadRecipe(f"{path} holds no problem.")
    return (
        lambda number: [listed[(number * size + i) % len(listed)] for i in range(size)],
        hashlib.sha256(data).hexdigest(),
    )
