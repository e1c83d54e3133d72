"""A run of reinforcement learning as a folder: its recipe and versions, its figures, and where it goes on after a kill."""

from __future__ import annotations

import asyncio
import hashlib
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import torch
import transformers
from filelock import FileLock, Timeout
from torch.utils.tensorboard import SummaryWriter
from transformers import AutoModelForCausalLM, AutoTokenizer

from stepprove import __version__
from stepprove.agent.problem import Problem
from stepprove.lean_project.engine import Engine
from stepprove.lean_project.pool import Pool
from stepprove.train.proving import proofs
from stepprove.train.recipe import BadRecipe, RlvrRecipe
from stepprove.train.rlvr import Checkpoint, Update, train
from stepprove.train.theorems import generate, is_held_out
from stepprove.train.trajectories import problem_of

FIGURES = "metrics.jsonl"
_CHECKPOINT = "checkpoint.pt"
_ABOUT = "run.json"


class RunInUse(Exception):
    """Another process writes to the folder; the message is one sentence."""


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
    output.mkdir(parents=True, exist_ok=True)
    lock = FileLock(output / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise RunInUse(f"Another process is writing to {output}.") from None
    try:
        asyncio.run(_run(recipe, text, model_folder, output, engine, listen))
    finally:
        lock.release()


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
        "model_sha256": _digest_of_weights(model_folder),
        "problems_sha256": digest,
    }
    start = _resume(output, about)
    if start is None:
        (output / "recipe.yaml").write_text(text)
        versions = {
            "stepprove": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "lean": engine.lean_version,
        }
        (output / _ABOUT).write_bytes(
            orjson.dumps({**about, "versions": versions}, option=orjson.OPT_INDENT_2)
        )
    done = start.updates if start is not None else 0
    _cut_figures(output / FIGURES, done)
    with (
        (output / FIGURES).open("ab") as file,
        SummaryWriter(str(output / "tensorboard"), purge_step=done) as board,
    ):

        def keep(update: Update, checkpoint: Checkpoint) -> None:
            # In this order: an update whose figures are there and whose checkpoint is not is made again, and none is missing.
            file.write(orjson.dumps(asdict(update)) + b"\n")
            file.flush()
            for name, value in asdict(update).items():
                if name != "number":
                    board.add_scalar(name, value, update.number)
            _keep(output / _CHECKPOINT, checkpoint)
            listen(update)

        async with Pool(engine, size=recipe.jobs) as pool:
            await train(
                model,
                tokenizer,
                proofs(tokenizer, pool, problems, recipe.rlvr),
                recipe.rlvr,
                start=start,
                keep=keep,
            )
    model.save_pretrained(output / "model")
    tokenizer.save_pretrained(output / "model")


def _resume(output: Path, about: dict[str, Any]) -> Checkpoint | None:
    """Where the folder's run stopped; None where there is none. Raises BadRecipe when it is another's."""
    if not (output / _ABOUT).exists():
        return None
    known = orjson.loads((output / _ABOUT).read_bytes())
    wanted = orjson.loads(orjson.dumps(about))
    for name, value in wanted.items():
        if known.get(name) != value:
            raise BadRecipe(
                f"{output} holds a run with another {name.replace('_', ' ')}: name another folder."
            )
    if not (output / _CHECKPOINT).exists():
        return None
    return Checkpoint(**torch.load(output / _CHECKPOINT, weights_only=True))


def _keep(path: Path, checkpoint: Checkpoint) -> None:
    """Write where to go on, so that a kill at any moment leaves the old or the new one."""
    new = path.with_suffix(".new")
    parts = {name: getattr(checkpoint, name) for name in ("updates", "model", "sampler", "optimizer")}
    torch.save(parts, new)
    with new.open("rb") as file:
        os.fsync(file.fileno())
    new.replace(path)


def _cut_figures(path: Path, done: int) -> None:
    """Leave the lines of the updates that count: one that came after the checkpoint is made again."""
    if path.exists():
        kept = path.read_bytes().splitlines(keepends=True)[:done]
        os.truncate(path, sum(len(line) for line in kept if line.endswith(b"\n")))


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


def _digest_of_weights(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
