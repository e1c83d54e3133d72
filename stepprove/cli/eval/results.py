"""Do the work of an evaluation, then print the results of the log that it wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from stepprove.cli.eval.options import UNFINISHED
from stepprove.cli.eval.progress import showing_attempts
from stepprove.cli.options.engine import EngineChoice, lean_for
from stepprove.cli.terminal.console import CommandError, out, print_json, shown
from stepprove.eval.benchmarks.registry import Benchmark
from stepprove.lean_project.engines.engine import Engine

if TYPE_CHECKING:
    from stepprove.eval.records.record import Run
    from stepprove.eval.run import RunListener
    from stepprove.eval.setup import Selection, Setup


def run_benchmark(
    benchmark: Benchmark,
    setup: Setup,
    selection: Selection,
    log_dir: Path,
    jobs: int | None,
    max_samples: int,
    json: bool,
) -> int:
    """Make the attempts of a run that its log lacks, and print the results; return the exit code. Raises CommandError."""
    from stepprove.eval.run import evaluate

    def work(lean: Engine, watch: RunListener) -> Path:
        return evaluate(
            benchmark, setup, selection, lean, log_dir, jobs=jobs, max_samples=max_samples, watch=watch
        )

    return write_log(work, setup.engine, log_dir, json)


def write_log(
    work: Callable[[Engine, RunListener], Path], engine: EngineChoice, log_dir: Path, json: bool
) -> int:
    """Do work that writes a log, and print the log's results."""
    from stepprove.eval.records.log import read_run

    lean = lean_for(None, engine)
    try:
        with showing_attempts(quiet=json) as watch:
            log = work(lean, watch)
    except (FileExistsError, NotADirectoryError):
        raise CommandError(
            f"{log_dir} is a file or stands below one: name a folder with --log-dir."
        ) from None
    except OSError as wrong:
        raise CommandError(f"{wrong.filename or log_dir}: {wrong.strerror}.") from None
    except KeyboardInterrupt:
        raise CommandError(
            "Stopped. What is done is kept: the same command goes on from there.", code=130
        ) from None
    return print_results(read_run(log), log, json)


def print_results(run: Run, log: Path, json: bool) -> int:
    """Print a run's results with its settings; the exit code is 3 while attempts lack an outcome."""
    from stepprove.eval.report.header import caption, count, run_facts, title
    from stepprove.eval.report.report import Report, document
    from stepprove.eval.scoring.scores import score

    scores = score(run)
    code = UNFINISHED if scores.unfinished else 0
    if json:
        print_json({**document(Report(run, scores, str(log))), "exit_code": code})
        return code
    out.print(title(run), style="bold", markup=False)
    settings = dict(run_facts(run, str(log)))
    for name in ("dataset", "dataset sha256"):
        out.print(f"  {name}: {settings[name]}", markup=False)
    outcomes = ", ".join(f"{outcome} {number}" for outcome, number in scores.outcomes.items() if number)
    out.print(
        f"  attempts: {outcomes}{f', never made {scores.missing}' if scores.missing else ''}", markup=False
    )
    if scores.blocked is None:
        full_report = Report(run, scores, str(log))
        for name, rates in full_report.rows:
            figures = full_report.figures(rates)
            solved = f"{rates.solved} of {count(rates.problems, 'problem')} {run.solved}"
            out.print(f"  {name}: {solved}; {figures}", markup=False)
        out.print(f"  {caption(run, scores.problems)}", markup=False)
    else:
        out.print(
            f"  {shown(scores.blocked)} Give the same command again, or stepprove eval retry {shown(log)}"
        )
    for remark in scores.remarks:
        out.print(f"  {shown(remark)}")
    out.print(f"The log: {shown(log)}")
    return code
