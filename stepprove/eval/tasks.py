"""The benchmarks as inspect's tasks: `inspect eval stepprove/minif2f -T subset=core`.

`stepprove eval run` builds the same tasks and adds the journal, from which a killed run goes on.
"""

from __future__ import annotations

import atexit
from typing import Any, Literal

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample

from stepprove.agent.attempts import Style
from stepprove.eval.bench import Bench
from stepprove.eval.benchmarks import benchmark_called
from stepprove.eval.core import core
from stepprove.eval.datasets import load
from stepprove.eval.prover import Prover
from stepprove.eval.record import Problem
from stepprove.eval.scorers import gate
from stepprove.eval.setup import MODEL_SECONDS, SEARCH_SECONDS, Manifest, Policy, Selection, Setup
from stepprove.eval.solvers import prover
from stepprove.eval.wanted import manifest_for, need_mathlib, select
from stepprove.lean_project.pool import SyncPool
from stepprove.lean_project.toolchain import find_engine

MANIFEST, SELECTION = "stepprove", "selection"
"""The keys under which a log's metadata has what its attempts were made with, and which of them were wanted."""


@task
def minif2f(
    split: str = "valid",
    subset: Literal["core"] | None = None,
    path: str | None = None,
    revision: str | None = None,
    policy: Policy | None = None,
    prover_model: str | None = None,
    style: Style | None = None,
    time_limit: float | None = None,
    seed: int = 0,
) -> Task:
    """miniF2F. `prover_model` is a `--model` of StepProve's: inspect's own model is not asked."""
    return _task("minif2f", split, subset, path, revision, policy, prover_model, style, time_limit, seed)


@task
def formalmath_lite(
    subset: Literal["core"] | None = None,
    path: str | None = None,
    revision: str | None = None,
    policy: Policy | None = None,
    prover_model: str | None = None,
    style: Style | None = None,
    time_limit: float | None = None,
    seed: int = 0,
) -> Task:
    """FormalMATH-Lite; arguments as of `minif2f`."""
    return _task(
        "formalmath_lite", "all", subset, path, revision, policy, prover_model, style, time_limit, seed
    )


@task
def proverbench(
    subset: Literal["core"] | None = None,
    path: str | None = None,
    revision: str | None = None,
    policy: Policy | None = None,
    prover_model: str | None = None,
    style: Style | None = None,
    time_limit: float | None = None,
    seed: int = 0,
) -> Task:
    """ProverBench; arguments as of `minif2f`."""
    return _task("proverbench", "all", subset, path, revision, policy, prover_model, style, time_limit, seed)


def _task(
    name: str,
    split: str,
    subset: Literal["core"] | None,
    path: str | None,
    revision: str | None,
    policy: Policy | None,
    model: str | None,
    style: Style | None,
    time_limit: float | None,
    seed: int,
) -> Task:
    """A task on Lean processes that end with this one."""
    setup = Setup(
        benchmark=name,
        split=split,
        subset=subset,
        path=path,
        revision=revision,
        policy=policy or ("portfolio" if model is None else "auto"),
        model=model,
        style=style,
        time_limit=time_limit or (SEARCH_SECONDS if model is None else MODEL_SECONDS),
        seed=seed,
    )
    benchmark = benchmark_called(name)
    assert benchmark is not None
    loaded = load(benchmark, split, path, revision)
    engine = find_engine(prefer=setup.engine)
    if subset is None:
        need_mathlib(engine, loaded.problems)
    pool = SyncPool(engine)
    atexit.register(pool.close)
    names = core(pool, loaded.problems) if subset == "core" else None
    problems = select(loaded, names, Selection())
    return build(Bench(Prover(setup, engine, pool), problems), manifest_for(setup, loaded, engine, names))


def build(bench: Bench, manifest: Manifest, **more: Any) -> Task:
    """The task of a bench; `more` is added to the log's metadata."""
    return Task(
        name=manifest.setup.benchmark,
        dataset=MemoryDataset(
            [_sample(problem) for problem in bench.problems.values()], name=manifest.dataset.name
        ),
        solver=prover(bench),
        scorer=gate(bench),
        fail_on_error=False,
        metadata={MANIFEST: manifest.model_dump(mode="json"), **more},
    )


def _sample(problem: Problem) -> Sample:
    told = {"informal": problem.informal, "broken": problem.broken}
    return Sample(id=problem.name, input=problem.source, metadata=told)
