"""The setup of an evaluation: its statements, its prover, its budget."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import version
from typing import Literal

from pydantic import BaseModel, ConfigDict

from stepprove import __version__
from stepprove.agent.policies import SCHEDULES
from stepprove.eval.records.record import Dataset
from stepprove.formalizer.equivalence.methods import Method
from stepprove.lean_project.engines.engine import Engine
from stepprove.serving.client.model_traits import Style

PolicyName = Literal["portfolio", "model", "auto", "outside", "formalize"]
"""`portfolio`: the search alone; `model`: a model alone; `auto`: the search, then a model; `outside`: other harnesses' attempts;
`formalize`: a model states the problems.
"""

EngineChoice = Literal["auto", "embedded", "native"]

SEARCH_SECONDS, MODEL_SECONDS = 60.0, 600.0
"""Default seconds of an attempt: by the search, and with a model."""
TEXT_SECONDS = 60.0
"""Seconds for each text of a formalizer in Lean: StepFun-Formalizer's (arXiv 2508.04440)."""
FORMALIZE = "formalize/"
"""The prefix of a benchmark's name for the task of stating its problems."""
FORMALIZE_EPOCHS = 16
"""StepFun-Formalizer's."""


class Setup(BaseModel):
    """The setup of an attempt; runs with the same setup may share attempts."""

    model_config = ConfigDict(frozen=True)

    benchmark: str
    split: str
    subset: Literal["core"] | None = None
    path: str | None = None
    """The source of the benchmark; None: its publisher."""
    revision: str | None = None
    policy: PolicyName = "portfolio"
    model: str | None = None
    """The value of `--model`."""
    style: Style | None = None
    """The style of prompts; None: the model's usual one."""
    rounds: int = 4
    """Answers per chat."""
    time_limit: float = SEARCH_SECONDS
    """Seconds per attempt; for a formalizer, per text in Lean."""
    method: Method | None = None
    """The comparison of a formalizer's statements with the benchmark's; None: a prover."""
    seed: int = 0
    engine: EngineChoice = "auto"

    @property
    def task(self) -> str:
        """The task: `minif2f` or `formalize/minif2f`."""
        return self.benchmark if self.method is None else f"{FORMALIZE}{self.benchmark}"

    @property
    def budget(self) -> dict[str, float | int | str]:
        """The limits of an attempt; empty for another harness's attempts."""
        if self.policy == "outside":
            return {}
        if self.method is not None:
            return {"seconds of a text": self.time_limit}
        limits: dict[str, float | int | str] = {"seconds": self.time_limit}
        if self.policy == "auto":
            limits["seconds of search"] = SCHEDULES["auto"].search_within(self.time_limit)
        if self.policy in ("model", "auto") and self.style != "tir":
            limits["rounds of a chat"] = self.rounds
        return limits


def proving(
    benchmark: str,
    split: str,
    *,
    subset: Literal["core"] | None = None,
    path: str | None = None,
    revision: str | None = None,
    policy: PolicyName | None = None,
    model: str | None = None,
    style: Style | None = None,
    rounds: int = 4,
    time_limit: float | None = None,
    seed: int = 0,
    engine: EngineChoice = "auto",
) -> Setup:
    """Return the setup of a prover; arguments as of `Setup`.

    Without a policy and a time limit a run without a model gets the search alone and its seconds, a run with one `auto` and a
    model's seconds.
    """
    alone = model is None
    return Setup(
        benchmark=benchmark,
        split=split,
        subset=subset,
        path=path,
        revision=revision,
        policy=policy or ("portfolio" if alone else "auto"),
        model=model,
        style=style,
        rounds=rounds,
        time_limit=time_limit or (SEARCH_SECONDS if alone else MODEL_SECONDS),
        seed=seed,
        engine=engine,
    )


def formalizing(
    benchmark: str,
    split: str,
    model: str,
    *,
    subset: Literal["core"] | None = None,
    path: str | None = None,
    revision: str | None = None,
    method: Method = "beq",
    time_limit: float = TEXT_SECONDS,
    seed: int = 0,
    engine: EngineChoice = "auto",
) -> Setup:
    """Return the setup of a formalizer; arguments as of `Setup`."""
    return Setup(
        benchmark=benchmark,
        split=split,
        subset=subset,
        path=path,
        revision=revision,
        policy="formalize",
        model=model,
        method=method,
        time_limit=time_limit,
        seed=seed,
        engine=engine,
    )


class Selection(BaseModel):
    """The selected attempts."""

    model_config = ConfigDict(frozen=True)

    epochs: int = 1
    limit: int | None = None
    """Only so many statements, the first ones."""
    names: tuple[str, ...] = ()
    """Only these statements; empty for all."""


class Manifest(BaseModel):
    """The conditions of an attempt; attempts are merged only under equal conditions."""

    model_config = ConfigDict(frozen=True)

    setup: Setup
    dataset: Dataset
    statements: int
    """Statements of the split; a subset has fewer."""
    names: tuple[str, ...] | None = None
    """The subset's statements; None without one."""
    left_out: dict[str, str] = {}
    """Statements among these without a question to a formalizer, each with the reason."""
    engine: str
    versions: dict[str, str]


def versions() -> dict[str, str]:
    """Return the versions of the packages under a run."""
    return {
        "stepprove": __version__,
        "python": platform.python_version(),
        "inspect_ai": version("inspect_ai"),
    }


def attempt_seed(run: int, problem: str, epoch: int) -> int:
    """Return an attempt's seed, equal in all runs with one seed."""
    text = f"{run}:{problem}:{epoch}".encode("utf-8", "replace")
    return int.from_bytes(hashlib.sha256(text).digest()[:4]) >> 1


def describe_engine(engine: Engine) -> str:
    """Return the engine in words: `Lean 4.28.0 (native, no Mathlib)`."""
    mathlib = f"Mathlib {engine.mathlib[:10]}" if engine.mathlib else "no Mathlib"
    return f"Lean {engine.lean_version} ({engine.kind}, {mathlib})"


def run_name(setup: Setup, selection: Selection | None = None) -> str:
    """Return the file name of a run, equal for equal runs; without a selection, the name for its attempts."""
    text = setup.model_dump_json() + ("" if selection is None else selection.model_dump_json())
    policy = None if setup.method is not None else setup.policy
    parts = (setup.task.replace("/", "-"), setup.split, setup.subset, policy)
    return "-".join([*filter(None, parts), hashlib.sha256(text.encode()).hexdigest()[:8]])
