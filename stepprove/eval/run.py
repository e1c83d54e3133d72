"""A whole evaluation: the statements, the missing attempts, and the log of all of them.

The journal beside the log has the finished attempts. The same command continues a killed run: it takes the finished attempts
from the journal, makes the rest, and writes one whole log.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path

from inspect_ai import Epochs
from inspect_ai import eval as inspect_eval

from stepprove.eval.bench import Bench
from stepprove.eval.benchmarks.core_subset import core
from stepprove.eval.benchmarks.datasets import Loaded
from stepprove.eval.benchmarks.registry import Benchmark
from stepprove.eval.benchmarks.selection import manifest_for, need_mathlib, select, usable_statements
from stepprove.eval.records.external_samples import Replay, read_samples
from stepprove.eval.records.journal import Journal, locked
from stepprove.eval.records.log import manifest_of, read_header, read_run, selection_of
from stepprove.eval.records.record import Attempt, BenchmarkProblem
from stepprove.eval.scoring.remarks import left_out_words
from stepprove.eval.setup import Manifest, Selection, Setup, describe_engine, run_name, versions
from stepprove.eval.tasks import build, worker_for
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.pool.pool import SyncPool
from stepprove.serving.client.client import load_library


@dataclass(frozen=True, slots=True)
class RunListener:
    """Receives the events of a run."""

    say: Callable[[str], None] = lambda line: None
    """Receives a line before slow work."""
    checked: Callable[[int, int], None] = lambda done, count: None
    """Receives the number of statements that the engine has checked, and of all."""
    begin: Callable[[int, int], None] = lambda done, count: None
    """Receives the number of attempts in the journal, and of all."""
    attempt: Callable[[Attempt], None] = lambda attempt: None
    """Receives each new attempt."""


def evaluate(
    benchmark: Benchmark,
    setup: Setup,
    selection: Selection,
    engine: Engine,
    log_dir: Path,
    *,
    jobs: int | None = None,
    max_samples: int | None = None,
    watch: RunListener = RunListener(),
    lent: SyncPool | None = None,
) -> Path:
    """Make the missing attempts of a run, and write the log.

    Args:
        benchmark: the statements.
        setup: the attempts' policy, model and budget.
        selection: the problems and epochs.
        engine: the Lean.
        log_dir: the folder of the log and the journal.
        jobs: Lean processes; None: as the pool chooses.
        max_samples: attempts in parallel; None: as inspect chooses.
        watch: receives the events.
        lent: a pool of that engine; no other Lean is started.

    Returns:
        The path of the log with all attempts.

    Raises:
        BadBenchmark, JournalRefused, NeedsMathlib, OSError: the run cannot be made.
        ReplFailure: Lean cannot be started.
    """
    loaded = usable_statements(benchmark, setup, engine)
    with ExitStack() as stack:
        journal = stack.enter_context(Journal(log_dir / f"{run_name(setup)}.jsonl"))
        pools = [] if lent is None else [lent]
        loading = stack.enter_context(ThreadPoolExecutor(1))
        if setup.model is not None:
            loading.submit(load_library)  # in parallel with the core subset

        def pool() -> SyncPool:
            if not pools:
                pools.append(stack.enter_context(SyncPool(engine, size=jobs)))
            return pools[0]

        names = _subset(setup, loaded, engine, journal, pool, watch)
        manifest = manifest_for(setup, loaded, engine, names)
        problems = select(loaded, names, selection, manifest.left_out)
        journal.begin(manifest)
        for sentence in left_out_words(manifest.left_out):
            watch.say(sentence)
        target = log_dir / f"{run_name(setup, selection)}.eval"
        count = selection.epochs * len(problems)
        missing = count - _finished(journal, problems, selection)
        watch.begin(count - missing, count)
        if not missing and target.exists():
            return target
        worker = worker_for(setup, engine, pool(), watch.say) if missing else _NoAttempts()
        bench = Bench(worker, problems, journal, watch.attempt)
        write_log(bench, manifest, selection, target, max_samples=max_samples)
        return target


def _finished(journal: Journal, problems: Sequence[BenchmarkProblem], selection: Selection) -> int:
    """Return the number of selected attempts in the journal."""
    epochs = range(1, selection.epochs + 1)
    return sum(journal.recall(problem.name, epoch) is not None for problem in problems for epoch in epochs)


def write_log(
    bench: Bench, manifest: Manifest, selection: Selection, target: Path, *, max_samples: int | None = None
) -> None:
    """Run a bench in inspect, and move its log into place once it is whole."""
    folder = target.with_name(f".{target.stem}.unfinished")
    with locked(target):
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(_inspected(bench, manifest, selection, folder, max_samples), target)
        shutil.rmtree(folder, ignore_errors=True)


def _inspected(
    bench: Bench, manifest: Manifest, selection: Selection, folder: Path, max_samples: int | None
) -> str:
    """Return the path of inspect's log; raise KeyboardInterrupt if the run was stopped."""
    logs = inspect_eval(
        build(bench, manifest, selection),
        model=None,
        epochs=Epochs(selection.epochs, "mean"),
        max_samples=max_samples,
        log_dir=str(folder),
        log_format="eval",
        display="none",
        score_display=False,
        log_realtime=False,
        ctl_server=False,
        acp_server=False,
    )
    if not logs or logs[0].status == "cancelled":  # by Ctrl-C: inspect reports only the cancellation
        raise KeyboardInterrupt
    log = logs[0]
    if log.status == "error":
        raise RuntimeError(log.error.message if log.error else "inspect ended without a log")
    return log.location


def rescore(
    path: Path,
    engine: Engine,
    *,
    jobs: int | None = None,
    watch: RunListener = RunListener(),
    lent: SyncPool | None = None,
) -> Path:
    """Judge a log's attempts again with the present gate.

    Args:
        path: the log.
        engine: the Lean.
        jobs: Lean processes; None: as the pool chooses.
        watch: receives the events.
        lent: a pool of that engine; no other Lean is started.

    Returns:
        The path of the new log.

    Raises:
        BadLog, JournalRefused, NeedsMathlib, OSError: the attempts cannot be judged.
        ReplFailure: Lean cannot be started.
    """
    old = manifest_of(header := read_header(path), path)
    run = read_run(path)
    if old.setup.subset is None:
        need_mathlib(engine, run.problems)
    manifest = old.model_copy(update={"engine": describe_engine(engine), "versions": versions()})
    selection = selection_of(header)
    target = path.with_name(f"{path.stem.removesuffix('-rescored')}-rescored.eval")
    with _pool(engine, jobs, lent) as pool:
        replay = Replay(run.attempts, worker_for(manifest.setup, engine, pool))
        _judge(replay, run.problems, manifest, selection, target, watch)
    return target


def score_samples(
    benchmark: Benchmark,
    setup: Setup,
    samples: Path,
    engine: Engine,
    log_dir: Path,
    *,
    jobs: int | None = None,
    watch: RunListener = RunListener(),
    lent: SyncPool | None = None,
) -> Path:
    """Judge another harness's attempts against the benchmark's own statements.

    Args:
        benchmark: the statements.
        setup: of the run.
        samples: the harness's file.
        engine: the Lean.
        log_dir: the folder of the log.
        jobs: Lean processes; None: as the pool chooses.
        watch: receives the events.
        lent: a pool of that engine; no other Lean is started.

    Returns:
        The path of the log.

    Raises:
        BadBenchmark, BadSamples, JournalRefused, NeedsMathlib, OSError: the attempts cannot be judged.
        ReplFailure: Lean cannot be started.
    """
    loaded = usable_statements(benchmark, setup, engine)
    with _pool(engine, jobs, lent) as pool:
        names = None if setup.subset is None else _core_names(pool, loaded, watch)
        problems = select(loaded, names, Selection(), {})
        attempts, others = read_samples(samples, problems)
        if others:
            watch.say(f"{others} of its attempts are at other statements than these {len(problems)}.")
        if untried := len({p.name for p in problems} - {a.problem for a in attempts}):
            watch.say(f"It has no attempt at {untried} of these {len(problems)} statements.")
        selection = Selection(epochs=max(attempt.epoch for attempt in attempts))
        manifest = manifest_for(setup, loaded, engine, names)
        log_dir.mkdir(parents=True, exist_ok=True)
        target = log_dir / f"{samples.stem}-{run_name(setup)}.eval"
        replay = Replay(attempts, worker_for(manifest.setup, engine, pool))
        _judge(replay, problems, manifest, selection, target, watch)
    return target


def _pool(engine: Engine, jobs: int | None, lent: SyncPool | None) -> AbstractContextManager[SyncPool]:
    """Return the lent pool, or a new one for the length of the context."""
    return SyncPool(engine, size=jobs) if lent is None else nullcontext(lent)


def _judge(
    replay: Replay,
    problems: tuple[BenchmarkProblem, ...],
    manifest: Manifest,
    selection: Selection,
    target: Path,
    watch: RunListener,
) -> None:
    """Judge existing attempts, and log them."""
    watch.begin(0, selection.epochs * len(problems))
    write_log(Bench(replay, problems, listen=watch.attempt), manifest, selection, target)


def _subset(
    setup: Setup,
    loaded: Loaded,
    engine: Engine,
    journal: Journal,
    pool: Callable[[], SyncPool],
    watch: RunListener,
) -> tuple[str, ...] | None:
    """Return the names of the selected subset; None for all statements."""
    if setup.subset is None:
        return None
    manifest = journal.manifest
    pinned = loaded.pinned(words=setup.method is not None)
    if manifest is not None and manifest.names is not None and manifest.dataset.sha256 == pinned.sha256:
        return manifest.names
    return _core_names(pool(), loaded, watch)


def _core_names(pool: SyncPool, loaded: Loaded, watch: RunListener) -> tuple[str, ...]:
    """Return the core subset, as Lean decides it."""
    count = len(loaded.problems)
    watch.say(f"Asking Lean which of {count} statements elaborate without Mathlib.")
    return core(pool, loaded.problems, lambda done: watch.checked(done, count))


class _NoAttempts:
    """Makes no attempts: the journal has all of them."""

    async def attempt(self, problem: BenchmarkProblem, epoch: int) -> Attempt:
        raise AssertionError("every attempt is in the journal")

    async def judge(self, problem: BenchmarkProblem, attempt: Attempt) -> Attempt:
        raise AssertionError("every attempt is in the journal")
