"""What is evaluated: which statements, by which prover, within which budget."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import version
from typing import Literal

from pydantic import BaseModel, ConfigDict

from stepprove import __version__
from stepprove.agent.models.model_attempts import Style
from stepprove.eval.record import Dataset
from stepprove.formalizer.equivalence.methods import Method
from stepprove.lean_project.engines.engine import Engine

PolicyName = Literal["portfolio", "model", "auto", "outside", "formalize"]
"""The search alone, a model alone, the search and then a model; outside: attempts that were made elsewhere are judged;
formalize: a model is asked for statements."""

SEARCH_SECONDS, MODEL_SECONDS = 60.0, 600.0
"""For an attempt, where nothing else is said: of the search, and with a model."""
TEXT_SECONDS = 60.0
"""For each text of a formalizer that Lean is sent: StepFun-Formalizer's (arXiv 2508.04440)."""
FORMALIZE = "formalize/"
"""What stands before a benchmark's name where its statements are asked for, and not their proofs."""
FORMALIZE_EPOCHS = 16
"""StepFun-Formalizer's."""


class Setup(BaseModel):
    """What makes an attempt what it is. Two runs with the same setup may share their attempts."""

    model_config = ConfigDict(frozen=True)

    benchmark: str
    split: str
    subset: Literal["core"] | None = None
    path: str | None = None
    """Where the benchmark is read from; None: where it is published."""
    revision: str | None = None
    policy: PolicyName = "portfolio"
    model: str | None = None
    """As `--model` has it."""
    style: Style | None = None
    """How the model is asked; None: by its name."""
    rounds: int = 4
    """Answers of a chat."""
    time_limit: float = SEARCH_SECONDS
    """Seconds of an attempt; of a formalizer's, for each text that Lean is sent."""
    method: Method | None = None
    """How a formalizer's statements are compared with the benchmark's; None: proofs are asked for."""
    seed: int = 0
    engine: Literal["auto", "embedded", "native"] = "auto"

    @property
    def task(self) -> str:
        """What is done with the benchmark: `minif2f` or `formalize/minif2f`."""
        return self.benchmark if self.method is None else f"{FORMALIZE}{self.benchmark}"

    @property
    def budget(self) -> dict[str, float | int | str]:
        """What limits an attempt; nothing that is known, of one that was made elsewhere."""
        if self.policy == "outside":
            return {}
        if self.method is not None:
            return {"seconds of a text": self.time_limit}
        limits: dict[str, float | int | str] = {"seconds": self.time_limit}
        if self.policy in ("model", "auto") and self.style != "tir":
            limits["rounds of a chat"] = self.rounds
        return limits


class Selection(BaseModel):
    """Which attempts are wanted."""

    model_config = ConfigDict(frozen=True)

    epochs: int = 1
    limit: int | None = None
    """Only the first statements, so many."""
    names: tuple[str, ...] = ()
    """Only these statements; empty for all."""


class Manifest(BaseModel):
    """What an attempt was made with. Attempts are only put together where all of it is the same."""

    model_config = ConfigDict(frozen=True)

    setup: Setup
    dataset: Dataset
    statements: int
    """Of the split; a subset has fewer."""
    names: tuple[str, ...] | None = None
    """The subset's statements; None without one."""
    left_out: dict[str, str] = {}
    """Statements among these that a formalizer cannot be asked for, each with the reason."""
    engine: str
    versions: dict[str, str]


def versions() -> dict[str, str]:
    """Of what a run rests on."""
    return {
        "stepprove": __version__,
        "python": platform.python_version(),
        "inspect_ai": version("inspect_ai"),
    }


def attempt_seed(run: int, problem: str, epoch: int) -> int:
    """An attempt's own seed, the same on every run of one seed."""
    told = f"{run}:{problem}:{epoch}".encode("utf-8", "replace")
    return int.from_bytes(hashlib.sha256(told).digest()[:4]) >> 1


def describe_engine(engine: Engine) -> str:
    """Which Lean: `Lean 4.28.0 (embedded, no Mathlib)`."""
    mathlib = f"Mathlib {engine.mathlib[:10]}" if engine.mathlib else "no Mathlib"
    return f"Lean {engine.lean_version} ({engine.kind}, {mathlib})"


def run_name(setup: Setup, selection: Selection | None = None) -> str:
    """A file name for a run, the same for the same run; without a selection, for its attempts."""
    told = setup.model_dump_json() + ("" if selection is None else selection.model_dump_json())
    policy = None if setup.method is not None else setup.policy
    parts = (setup.task.replace("/", "-"), setup.split, setup.subset, policy)
    return "-".join([*filter(None, parts), hashlib.sha256(told.encode()).hexdigest()[:8]])
