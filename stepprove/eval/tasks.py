"""The benchmarks as inspect's tasks: `inspect eval stepprove/minif2f -T subset=core`.

`stepprove eval run` builds the same tasks and adds the journal, from which a killed run goes on.

inspect reads the arguments of a task (`-T`) from its signature, so each task spells them out.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable
from typing import Literal

from inspect_ai import Epochs, Task, task
from inspect_ai.dataset import MemoryDataset, Sample

from stepprove.eval.bench import AttemptMaker, Bench
from stepprove.eval.benchmarks.core_subset import core
from stepprove.eval.benchmarks.registry import benchmark_called
from stepprove.eval.benchmarks.selection import manifest_for, select, usable_statements
from stepprove.eval.formalizer import Formalizer
from stepprove.eval.prover import Prover
from stepprove.eval.records.record import BenchmarkProblem
from stepprove.eval.scorers import beq, gate
from stepprove.eval.setup import (
    FORMALIZE_EPOCHS,
    TEXT_SECONDS,
    Manifest,
    PolicyName,
    Selection,
    Setup,
    formalizing,
    proving,
)
from stepprove.eval.solvers import attempts
from stepprove.formalizer.equivalence.methods import Method
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.engines.find import find_engine
from stepprove.lean_project.pool.pool import SyncPool
from stepprove.serving.client.model_traits import Style

MANIFEST, SELECTION = "stepprove", "selection"
"""The metadata keys of a log's manifest and selection."""


@task
def minif2f(
    split: str = "valid",
    subset: Literal["core"] | None = None,
    path: str | None = None,
    revision: str | None = None,
    policy: PolicyName | None = None,
    prover_model: str | None = None,
    style: Style | None = None,
    time_limit: float | None = None,
    seed: int = 0,
) -> Task:
    """miniF2F. `prover_model` is a `--model` of StepProve; inspect's own model is not used."""
    return _task(
        proving(
            "minif2f",
            split,
            subset=subset,
            path=path,
            revision=revision,
            policy=policy,
            model=prover_model,
            style=style,
            time_limit=time_limit,
            seed=seed,
        )
    )


@task
def formalmath_lite(
    subset: Literal["core"] | None = None,
    path: str | None = None,
    revision: str | None = None,
    policy: PolicyName | None = None,
    prover_model: str | None = None,
    style: Style | None = None,
    time_limit: float | None = None,
    seed: int = 0,
) -> Task:
    """FormalMATH-Lite; arguments as of `minif2f`."""
    return _task(
        proving(
            "formalmath_lite",
            "all",
            subset=subset,
            path=path,
            revision=revision,
            policy=policy,
            model=prover_model,
            style=style,
            time_limit=time_limit,
            seed=seed,
        )
    )


@task
def proverbench(
    subset: Literal["core"] | None = None,
    path: str | None = None,
    revision: str | None = None,
    policy: PolicyName | None = None,
    prover_model: str | None = None,
    style: Style | None = None,
    time_limit: float | None = None,
    seed: int = 0,
) -> Task:
    """ProverBench; arguments as of `minif2f`."""
    return _task(
        proving(
            "proverbench",
            "all",
            subset=subset,
            path=path,
            revision=revision,
            policy=policy,
            model=prover_model,
            style=style,
            time_limit=time_limit,
            seed=seed,
        )
    )


@task
def formalize_minif2f(
    model_form: str,
    split: str = "valid",
    subset: Literal["core"] | None = None,
    path: str | None = None,
    revision: str | None = None,
    method: Method = "beq",
    time_limit: float = TEXT_SECONDS,
    seed: int = 0,
) -> Task:
    """State the problems of miniF2F. `model_form` is a `--model` of StepProve; inspect's own model is not used."""
    return _task(
        formalizing(
            "minif2f",
            split,
            model_form,
            subset=subset,
            path=path,
            revision=revision,
            method=method,
            time_limit=time_limit,
            seed=seed,
        )
    )


@task
def formalize_formalmath_lite(
    model_form: str,
    subset: Literal["core"] | None = None,
    path: str | None = None,
    revision: str | None = None,
    method: Method = "beq",
    time_limit: float = TEXT_SECONDS,
    seed: int = 0,
) -> Task:
    """State the problems of FormalMATH-Lite; arguments as of `formalize_minif2f`."""
    return _task(
        formalizing(
            "formalmath_lite",
            "all",
            model_form,
            subset=subset,
            path=path,
            revision=revision,
            method=method,
            time_limit=time_limit,
            seed=seed,
        )
    )


@task
def formalize_proverbench(
    model_form: str,
    subset: Literal["core"] | None = None,
    path: str | None = None,
    revision: str | None = None,
    method: Method = "beq",
    time_limit: float = TEXT_SECONDS,
    seed: int = 0,
) -> Task:
    """State the problems of ProverBench; arguments as of `formalize_minif2f`."""
    return _task(
        formalizing(
            "proverbench",
            "all",
            model_form,
            subset=subset,
            path=path,
            revision=revision,
            method=method,
            time_limit=time_limit,
            seed=seed,
        )
    )


def _task(setup: Setup) -> Task:
    """Return a task on Lean processes that end with this process."""
    benchmark = benchmark_called(setup.benchmark)
    assert benchmark is not None
    engine = find_engine(prefer=setup.engine)
    loaded = usable_statements(benchmark, setup, engine)
    pool = SyncPool(engine)
    atexit.register(pool.close)
    names = core(pool, loaded.problems) if setup.subset == "core" else None
    manifest = manifest_for(setup, loaded, engine, names)
    problems = select(loaded, names, Selection(), manifest.left_out)
    return build(Bench(worker_for(setup, engine, pool), problems), manifest)


def worker_for(
    setup: Setup, engine: Engine, pool: SyncPool, say: Callable[[str], None] = lambda line: None
) -> AttemptMaker:
    """Return the attempt maker of a setup."""
    made = Prover if setup.method is None else Formalizer
    return made(setup, engine, pool, say)


def build(bench: Bench, manifest: Manifest, selection: Selection | None = None) -> Task:
    """Return the task of a bench; the log has the selection if it is known."""
    proving = manifest.setup.method is None
    return Task(
        name=manifest.setup.task.replace("/", "_"),
        dataset=MemoryDataset(
            [_sample(problem) for problem in bench.problems.values()], name=manifest.dataset.name
        ),
        solver=attempts(bench),
        scorer=gate(bench) if proving else beq(bench),
        epochs=None if proving else Epochs(FORMALIZE_EPOCHS, "mean"),
        fail_on_error=False,
        metadata={
            MANIFEST: manifest.model_dump(mode="json"),
            **({} if selection is None else {SELECTION: selection.model_dump(mode="json")}),
        },
    )


def _sample(problem: BenchmarkProblem) -> Sample:
    metadata = {"informal": problem.informal, "broken": problem.broken}
    return Sample(id=problem.name, input=problem.source, metadata=metadata)
