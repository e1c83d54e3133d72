"""A run of reinforcement learning as a folder: its recipe and versions, its figures, and where it goes on after a kill."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
import torch
from torch.utils.tensorboard import SummaryWriter
from transformers import AutoTokenizer

from stepprove.formalizer.checks import PoolChecks
from stepprove.lean_project.engine import Engine
from stepprove.lean_project.lean import Lean
from stepprove.lean_project.pool import Pool
from stepprove.lean_project.remote import RemotePool
from stepprove.serving.loading import loaded
from stepprove.train.asked import informal_problems, theorems
from stepprove.train.formalizing import BeqJudge, statements
from stepprove.train.proving import proofs
from stepprove.train.rare import cut_after, rare_texts, remembering
from stepprove.train.recipe import BadRecipe, RlvrRecipe, refused
from stepprove.train.records import line_of
from stepprove.train.rlvr import Checkpoint, Group, Sampler, Update, train
from stepprove.train.run_folder import (
    FIGURES,
    MODEL,
    TENSORBOARD,
    agree,
    cut_figures,
    digest_of_weights,
    only_writer,
)
from stepprove.train.waves import in_waves

RARE = "rare.jsonl"
"""Right texts about problems that nearly always fail, in the form that fine-tuning reads."""
_CHECKPOINT = "checkpoint.pt"


def run_rlvr(
    recipe: RlvrRecipe,
    text: str,
    model_folder: Path,
    output: Path,
    engine: Engine | RemotePool,
    *,
    listen: Callable[[Update], None] = lambda update: None,
) -> None:
    """Train, or go on with what the folder holds, and write the model to `output/model`.

    Args:
        recipe: what to do.
        text: of the recipe, kept in the folder.
        model_folder: the model to begin with.
        output: the run's folder; one that another recipe began is refused.
        engine: Lean on this machine, or servers on others, not entered yet; these can judge proofs, not statements.
        listen: told each update, those of earlier runs of the folder left out.

    Raises BadRecipe, RunInUse, OSError, RewardHack, FooledJudge, and ReplFailure or NoLeanServer when Lean cannot be had.
    """
    if refusal := refused(recipe):
        raise BadRecipe(refusal)
    if recipe.reward == "beq" and isinstance(engine, RemotePool):
        raise BadRecipe(
            "`reward: beq` needs Lean on this machine: a Lean server judges proofs, not statements."
        )
    asyncio.run(_run_alone(recipe, text, model_folder, output, engine, listen))


async def _run_alone(
    recipe: RlvrRecipe,
    text: str,
    model_folder: Path,
    output: Path,
    engine: Engine | RemotePool,
    listen: Callable[[Update], None],
) -> None:
    """Run, as the only one in the folder; servers that cannot be used say so before it is made."""
    async with engine if isinstance(engine, RemotePool) else nullcontext():
        with only_writer(output):
            await _run(recipe, text, model_folder, output, engine, listen)


async def _run(
    recipe: RlvrRecipe,
    text: str,
    model_folder: Path,
    output: Path,
    engine: Engine | RemotePool,
    listen: Callable[[Update], None],
) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(model_folder)
    sampler, digest = _rounds(recipe, tokenizer)
    model = loaded(model_folder)
    about = {
        "recipe": recipe.model_dump(mode="json"),
        "model": str(model_folder),
        "model_sha256": digest_of_weights(model_folder),
        "problems_sha256": digest,
    }
    start = None
    if agree(output, about, text, lean=engine.lean_version) and (output / _CHECKPOINT).exists():
        start = Checkpoint(**torch.load(output / _CHECKPOINT, weights_only=True, map_location="cpu"))
    done = start.updates if start is not None else 0
    cut_figures(output / FIGURES, done)
    cut_after(output / RARE, done)
    rounds: dict[int, Sequence[Group]] = {}
    with (
        (output / FIGURES).open("ab") as file,
        SummaryWriter(str(output / TENSORBOARD), purge_step=done) as board,
    ):

        def keep(update: Update, checkpoint: Checkpoint) -> None:
            # In this order: an update whose figures are there and whose checkpoint is not is made again, and none is missing.
            if recipe.rare_share is not None:
                with (output / RARE).open("ab") as rare:
                    texts = rare_texts(rounds.pop(update.number), update.number, recipe.rare_share)
                    rare.writelines(map(line_of, texts))
            file.write(orjson.dumps(asdict(update)) + b"\n")
            file.flush()
            for name, value in asdict(update).items():
                if name != "number" and value is not None:
                    board.add_scalar(name, value, update.number)
            _keep(output / _CHECKPOINT, checkpoint)
            listen(update)

        here = Pool(engine, size=recipe.jobs) if isinstance(engine, Engine) else nullcontext(engine)
        async with here as pool:
            sample = in_waves(sampler(pool), recipe.rlvr)
            if recipe.rare_share is not None:
                sample = remembering(sample, rounds)
            await train(
                model,
                tokenizer,
                sample,
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


def _rounds(recipe: RlvrRecipe, tokenizer: Any) -> tuple[Callable[[Lean], Sampler], str]:
    """What writes and judges the texts of the rounds, with Lean, and a hash of the problems."""
    options = recipe.rlvr
    if recipe.reward == "gate":
        problems, digest = theorems(recipe)
        return lambda pool: proofs(tokenizer, pool, problems, options), digest
    asked, digest = informal_problems(recipe, tokenizer)

    def sampler(pool: Lean) -> Sampler:
        assert isinstance(pool, Pool)
        judge = BeqJudge(PoolChecks(pool, timeout=options.judge_seconds))
        return statements(tokenizer, judge, asked, options)

    return sampler, digest
