"""A training run's folder: whose it is, what it is made of, and that one process at a time writes to it."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import torch
import transformers
from filelock import FileLock, Timeout

from stepprove import __version__
from stepprove.train.recipe import BadRecipe

FIGURES = "metrics.jsonl"
TENSORBOARD = "tensorboard"
MODEL = "model"
_ABOUT = "run.json"


class RunInUse(Exception):
    """Another process writes to the folder; the message is one sentence."""


@contextmanager
def only_writer(output: Path, *, wait: bool = False) -> Iterator[None]:
    """Make the folder, and keep others out of it; `wait` till they are done. Raises RunInUse, OSError."""
    output.mkdir(parents=True, exist_ok=True)
    lock = FileLock(output / ".lock", timeout=-1 if wait else 0)
    try:
        lock.acquire()
    except Timeout:
        raise RunInUse(f"Another process is writing to {output}.") from None
    try:
        yield
    finally:
        lock.release()


def agree(output: Path, about: Mapping[str, Any], recipe: str, **versions: str) -> bool:
    """Whether the folder holds this run already; else it is written down as this run's, with the recipe's text and versions.

    Raises BadRecipe when it is another run's, OSError.
    """
    if (output / _ABOUT).exists():
        known = orjson.loads((output / _ABOUT).read_bytes())
        for name, value in orjson.loads(orjson.dumps(about)).items():
            if known.get(name) != value:
                raise BadRecipe(
                    f"{output} holds a run with another {name.replace('_', ' ')}: name another folder."
                )
        return True
    (output / "recipe.yaml").write_text(recipe)
    known = {
        "stepprove": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        **versions,
    }
    replaced(output / _ABOUT, orjson.dumps({**about, "versions": known}, option=orjson.OPT_INDENT_2))
    return False


def replaced(path: Path, data: bytes) -> None:
    """Write a file so that a kill at any moment leaves the old or the new one. Raises OSError."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(data)
    new.replace(path)


def cut_figures(path: Path, done: int) -> None:
    """Leave the first `done` lines: one that came after the checkpoint is made again. Raises OSError."""
    if path.exists():
        kept = path.read_bytes().splitlines(keepends=True)[:done]
        os.truncate(path, sum(len(line) for line in kept if line.endswith(b"\n")))


def digest_of_weights(folder: Path) -> str:
    """SHA-256 over the safetensors files of a model, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
