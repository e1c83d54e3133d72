"""A training run's folder: its lock, its identity, and its figures."""

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
from stepprove.faults import Failure
from stepprove.train.recipe import BadRecipe

FIGURES = "metrics.jsonl"
TENSORBOARD = "tensorboard"
MODEL = "model"
_ABOUT = "run.json"


class RunInUse(Failure):
    """Another process writes to the folder; the message is one sentence."""

    exit_code = 2


@contextmanager
def only_writer(output: Path, *, wait: bool = False) -> Iterator[None]:
    """Make the folder and hold its lock.

    Args:
        output: the run's folder.
        wait: wait for the lock instead of raising RunInUse.

    Raises:
        RunInUse: another process holds the lock.
        OSError: the folder cannot be made.
    """
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
    """Check that the folder holds this run, or record it in a fresh folder with the recipe's text and versions.

    Args:
        output: the run's folder.
        about: the run's identity: recipe, model and data hashes.
        recipe: the recipe's YAML.
        versions: further versions to record.

    Returns:
        True when the folder held this run already.

    Raises:
        BadRecipe: the folder holds another run.
        OSError: a file cannot be read or written.
    """
    if (output / _ABOUT).exists():
        recorded = orjson.loads((output / _ABOUT).read_bytes())
        for name, value in orjson.loads(orjson.dumps(about)).items():
            if recorded.get(name) != value:
                raise BadRecipe(
                    f"{output} holds a run with another {name.replace('_', ' ')}: name another folder."
                )
        return True
    (output / "recipe.yaml").write_text(recipe)
    all_versions = {
        "stepprove": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        **versions,
    }
    replaced(output / _ABOUT, orjson.dumps({**about, "versions": all_versions}, option=orjson.OPT_INDENT_2))
    return False


def replaced(path: Path, data: bytes) -> None:
    """Replace a file atomically: a kill leaves the old or the new one. Raises OSError."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(data)
    new.replace(path)


def cut_figures(path: Path, done: int) -> None:
    """Keep the first `done` whole lines of a figures file; a resumed run writes the later ones again. Raises OSError."""
    if path.exists():
        kept = path.read_bytes().splitlines(keepends=True)[:done]
        os.truncate(path, sum(len(line) for line in kept if line.endswith(b"\n")))


def digest_of_weights(folder: Path) -> str:
    """Return the SHA-256 of a model's safetensors files, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
