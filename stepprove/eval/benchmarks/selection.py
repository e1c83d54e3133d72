"""Select the statements of a run, the same for `stepprove eval run` and for inspect's own command."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from stepprove.eval.benchmarks.datasets import BadBenchmark, Loaded, load
from stepprove.eval.benchmarks.registry import Benchmark
from stepprove.eval.formalizer import left_out
from stepprove.eval.records.record import BenchmarkProblem
from stepprove.eval.setup import Manifest, Selection, Setup, describe_engine, versions
from stepprove.faults import Failure
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.source.file import parse_source


class NeedsMathlib(Failure):
    """The statements need a Mathlib that this Lean lacks; the message is one sentence."""


def usable_statements(benchmark: Benchmark, setup: Setup, engine: Engine) -> Loaded:
    """Read the statements of a run.

    Raises:
        BadBenchmark: they cannot be read, or a formalizer's have no words.
        NeedsMathlib: the engine lacks a Mathlib that they import.
    """
    loaded = load(benchmark, setup.split, setup.path, setup.revision)
    if setup.subset is None:
        need_mathlib(engine, loaded.problems)
    if setup.method is not None:
        need_words(loaded)
    return loaded


def manifest_for(setup: Setup, loaded: Loaded, engine: Engine, names: Sequence[str] | None) -> Manifest:
    """Return the manifest of a run's attempts."""
    within = _within(loaded, names)
    return Manifest(
        setup=setup,
        dataset=loaded.pinned(words=setup.method is not None).model_copy(update={"subset": setup.subset}),
        statements=len(loaded.problems),
        names=None if names is None else tuple(names),
        left_out={} if setup.method is None else {p.name: why for p in within if (why := left_out(p))},
        engine=describe_engine(engine),
        versions=versions(),
    )


def select(
    loaded: Loaded, names: Sequence[str] | None, selection: Selection, out: Mapping[str, str]
) -> tuple[BenchmarkProblem, ...]:
    """Return the selected problems in the benchmark's order, without those left out; raise BadBenchmark."""
    problems = _within(loaded, names)
    if not problems:
        raise BadBenchmark(f"{loaded.dataset.origin} has no statement that elaborates without Mathlib.")
    for name in selection.names:
        if name in out:
            raise BadBenchmark(f"No model can be asked to state {name}: {out[name]}.")
    problems = [problem for problem in problems if problem.name not in out]
    if not problems:
        raise BadBenchmark(
            f"No model can be asked for any statement of {loaded.dataset.origin} ({next(iter(out.values()))}): name a file "
            "that says in words what each statement means with --path."
        )
    for name in selection.names:
        if all(name != problem.name for problem in problems):
            raise BadBenchmark(_unknown(name, [problem.name for problem in problems], loaded))
    if selection.names:
        problems = [problem for problem in problems if problem.name in selection.names]
    return tuple(problems[: selection.limit])


def _within(loaded: Loaded, names: Sequence[str] | None) -> list[BenchmarkProblem]:
    within = None if names is None else set(names)
    return [problem for problem in loaded.problems if within is None or problem.name in within]


def _unknown(name: str, names: Sequence[str], loaded: Loaded) -> str:
    if any(name == problem.name for problem in loaded.problems):
        return f"{name} does not elaborate without Mathlib, so it is not in the core subset."
    near = difflib.get_close_matches(name, names, n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else "."
    return f"There is no statement {name!r} in the split {loaded.dataset.split}{hint}"


def need_mathlib(engine: Engine, problems: Sequence[BenchmarkProblem]) -> None:
    """Raise NeedsMathlib if the engine lacks a Mathlib that the statements import."""
    if engine.mathlib is None and any(_imports_mathlib(problem) for problem in problems):
        raise NeedsMathlib(
            f"These statements import Mathlib, which {describe_engine(engine)} does not have: take those that do without it with "
            "--subset core, or set up Mathlib with `stepprove setup --native --mathlib`."
        )


def need_words(loaded: Loaded) -> None:
    """Raise BadBenchmark if no statement has an informal text."""
    if not any(problem.informal for problem in loaded.problems):
        raise BadBenchmark(
            f"{loaded.dataset.origin} has no informal statements, which a model is asked with: name a file that has them "
            "with --path."
        )


def _imports_mathlib(problem: BenchmarkProblem) -> bool:
    return any(name.split(".", 1)[0] == "Mathlib" for name in parse_source(problem.source).imports)
