"""`stepprove eval`: run a prover or a formalizer on a benchmark, and count the results that Lean accepts."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from stepprove.cli.console import CommandError, err, need_extra, out, print_json, shown
from stepprove.cli.eval_report import compare, report
from stepprove.cli.files import STYLES, EngineChoice, counting_bar, lean_for, positive_seconds
from stepprove.cli.models import ModelOption, ModelSettings, PolicyOption, RoundsOption, StyleOption
from stepprove.cli.options import Json
from stepprove.eval.benchmarks.benchmark import BENCHMARKS, Benchmark, benchmark_called
from stepprove.formalizer.equivalence.methods import Method
from stepprove.lean_project.engines.engine import Engine
from stepprove.output_file import write_output
from stepprove.serving.client.model_name import FORMS
from stepprove.visible import in_json

if TYPE_CHECKING:
    from stepprove.eval.record import Attempt, Run
    from stepprove.eval.run import RunListener
    from stepprove.eval.setup import Selection, Setup

evaluation = typer.Typer(
    help="Run a prover or a formalizer on a benchmark, and report the results that Lean accepts.",
    no_args_is_help=True,
)

evaluation.command()(report)
evaluation.command()(compare)

_MODULES = ("inspect_ai", "numpy")
_FORMALIZE = "formalize/"
"""The prefix of a benchmark's name for the task of statements."""
_LEFT_OVER = 3
"""The exit code if the infrastructure left attempts without an outcome."""

_STYLES = {
    **{outcome.value: style for outcome, style in STYLES.items()},
    "equivalent": "green",
    "not-equivalent": "red",
    "ill-typed": "red",
}
"""The styles of the attempts' outcomes."""

JobsOption = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        metavar="N",
        min=1,
        help="Lean processes at once. [as many as there are cores and memory]",
    ),
]
LogDirOption = Annotated[
    Path, typer.Option("--log-dir", metavar="DIR", help="Where the log goes, and the journal beside it.")
]
MaxSamplesOption = Annotated[
    int, typer.Option("--max-samples", metavar="N", min=1, help="Attempts under way at the same time.")
]
SplitOption = Annotated[
    str | None, typer.Option("--split", metavar="NAME", help="[the benchmark's first]", show_default=False)
]
SubsetOption = Annotated[
    Literal["core"] | None,
    typer.Option("--subset", help="core: the statements that elaborate without Mathlib.", show_default=False),
]
PathOption = Annotated[
    str | None,
    typer.Option(
        "--path",
        metavar="WHERE",
        help="A file or folder, a git URL or a Hub id to read the statements from. [where they are published]",
        show_default=False,
    ),
]
RevisionOption = Annotated[
    str | None, typer.Option("--revision", metavar="REV", help="A commit, branch or tag of that repository.")
]


@evaluation.callback()
def main() -> None:
    """Run a prover or a formalizer on a benchmark, and report the results that Lean accepts."""


@evaluation.command("list")
def list_benchmarks(json: Json = False) -> int:
    """List the benchmarks that are known by name: proofs are asked for, or statements, under a name with formalize/ before it."""
    if json:
        documents = [
            {**dataclasses.asdict(benchmark), "tasks": _tasks(benchmark)} for benchmark in BENCHMARKS
        ]
        print_json({"benchmarks": documents, "exit_code": 0})
        return 0
    width = max(len(benchmark.name) for benchmark in BENCHMARKS)
    for benchmark in BENCHMARKS:
        out.print(f"{benchmark.name:<{width}}  {benchmark.title}", markup=False)
        out.print(
            f"{'':<{width}}  splits {', '.join(benchmark.splits)}; {benchmark.origin}; licence: {benchmark.licence}"
        )
        out.print(
            f"{'':<{width}}  proofs: {_tasks(benchmark)[0]}; statements from words: {_tasks(benchmark)[1]}"
        )
    return 0


@evaluation.command()
def run(
    benchmark: Annotated[str, typer.Argument(metavar="BENCHMARK", help="A name that `eval list` shows.")],
    split: SplitOption = None,
    subset: SubsetOption = None,
    path: PathOption = None,
    revision: RevisionOption = None,
    policy: PolicyOption = None,
    model: ModelOption = None,
    style: StyleOption = "auto",
    rounds: RoundsOption = 4,
    method: Annotated[
        Method | None,
        typer.Option(
            "--method",
            help="How a formalizer's statements are compared with the benchmark's. [beq]",
            show_default=False,
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs",
            metavar="K",
            min=1,
            help="Attempts at each statement. [1; of a formalizer 16]",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Only the first N statements.")
    ] = None,
    sample_id: Annotated[
        list[str] | None,
        typer.Option("--sample-id", metavar="NAME", help="Only this statement; may be repeated."),
    ] = None,
    max_samples: MaxSamplesOption = 16,
    time_limit: Annotated[
        float | None,
        typer.Option(
            "--time-limit",
            metavar="SECONDS",
            help="For each attempt [60; with a model 600]; of a formalizer, for each text that Lean is sent [60].",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Each attempt's own seed is made from it.")] = 0,
    jobs: JobsOption = None,
    engine: Annotated[EngineChoice, typer.Option("--engine", help="Which Lean.")] = "auto",
    log_dir: LogDirOption = Path("runs"),
    json: Json = False,
) -> int:
    """Run a prover on a benchmark; every proof that counts has passed the trust gate.

    With formalize/ before the benchmark's name a model is asked for its statements, from their words; what counts is that
    each of the two statements was proved from the other by BEq's means.

    Each attempt is on disk before it is told. A run that was killed goes on when the same command is given again: nothing is
    repeated, nothing is lost. What the infrastructure spoiled is made again, and is never counted as a failure.

    Exit code **0**: every attempt has its end, whatever the score. **2**: bad input. **3**: the infrastructure left some without.

    Example: `stepprove eval run minif2f --subset core --path minif2f_valid.jsonl`
    """
    known = _known(benchmark)
    formalizing = benchmark.startswith(_FORMALIZE)
    if formalizing:
        if policy is not None or style != "auto" or rounds != 4:
            raise CommandError(
                f"{benchmark} asks for statements: --policy, --style and --rounds are for proofs."
            )
        if model is None:
            raise CommandError(f"Which model is to state the problems? --model {FORMS}.")
    elif method is not None:
        raise CommandError(f"--method is for statements: `stepprove eval run {_FORMALIZE}{known.name}`.")
    plan = ModelSettings(model, policy, style, attempts=1, rounds=rounds).plan()
    need_extra("eval", _MODULES)
    from stepprove.eval.setup import (
        FORMALIZE_EPOCHS,
        MODEL_SECONDS,
        SEARCH_SECONDS,
        TEXT_SECONDS,
        Selection,
        Setup,
    )

    if time_limit is None:
        time_limit = TEXT_SECONDS if formalizing else SEARCH_SECONDS if plan is None else MODEL_SECONDS
    if epochs is None:
        epochs = FORMALIZE_EPOCHS if formalizing else 1
    setup = Setup(
        benchmark=known.name,
        split=split or known.splits[0],
        subset=subset,
        path=path,
        revision=revision,
        policy="formalize" if formalizing else "portfolio" if plan is None else plan.policy,
        model=model,
        style=None if plan is None else plan.style,
        rounds=rounds,
        time_limit=positive_seconds(time_limit, "--time-limit"),
        method=(method or "beq") if formalizing else None,
        seed=seed,
        engine=engine,
    )
    selection = Selection(epochs=epochs, limit=limit, names=tuple(sample_id or ()))
    return _run(known, setup, selection, log_dir, jobs, max_samples, json)


@evaluation.command()
def retry(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="The log of an evaluation.")],
    jobs: JobsOption = None,
    max_samples: MaxSamplesOption = 16,
    json: Json = False,
) -> int:
    """Make the attempts that a run is missing or that the infrastructure spoiled; the log is written anew.

    Example: `stepprove eval retry runs/LOG.eval`
    """
    need_extra("eval", _MODULES)
    from stepprove.eval.journal import JournalRefused
    from stepprove.eval.retry import setup_of_log

    try:
        setup, selection = setup_of_log(log)
    except JournalRefused as wrong:
        raise CommandError(str(wrong)) from None
    return _run(_known(setup.benchmark), setup, selection, log.parent, jobs, max_samples, json)


@evaluation.command()
def score(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A log, or the JSONL of another harness with its attempts.")
    ],
    benchmark: Annotated[
        str | None,
        typer.Option("--benchmark", metavar="NAME", help="Whose statements the attempts of a JSONL are at."),
    ] = None,
    split: SplitOption = None,
    subset: SubsetOption = None,
    path: PathOption = None,
    revision: RevisionOption = None,
    engine: Annotated[EngineChoice, typer.Option("--engine", help="Which Lean.")] = "auto",
    jobs: JobsOption = None,
    log_dir: LogDirOption = Path("runs"),
    json: Json = False,
) -> int:
    """Judge attempts that are there by the present gate, without making any.

    A log's attempts are judged again, and LOG-rescored.eval is written. The JSONL of Goedel-Prover-V2 or DeepSeek-Prover is held
    against the benchmark's own statements, whatever the file says of them.

    Example: `stepprove eval score samples.jsonl --benchmark minif2f --split test --path MiniF2F/Test`
    """
    need_extra("eval", _MODULES)
    from stepprove.eval.run import rescore, score_samples
    from stepprove.eval.setup import Setup

    if file.suffix == ".eval":
        if benchmark or split or subset or path or revision:
            raise CommandError(
                "A log says itself which statements its attempts are at: leave those options away."
            )
        return _evaluated(
            lambda lean, watch: rescore(file, lean, jobs=jobs, watch=watch), engine, file.parent, json
        )
    if benchmark is None:
        names = ", ".join(each.name for each in BENCHMARKS)
        raise CommandError(
            f"Which statements are the attempts of {file} at? Name them with --benchmark: {names}."
        )
    if benchmark.startswith(_FORMALIZE):
        raise CommandError(f"Only proofs made elsewhere can be scored: --benchmark {_known(benchmark).name}.")
    known = _known(benchmark)
    setup = Setup(
        benchmark=known.name,
        split=split or known.splits[0],
        subset=subset,
        path=path,
        revision=revision,
        policy="outside",
        engine=engine,
    )
    return _evaluated(
        lambda lean, watch: score_samples(known, setup, file, lean, log_dir, jobs=jobs, watch=watch),
        engine,
        log_dir,
        json,
    )


@evaluation.command()
def export(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="The log of an evaluation.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to. [stdout]", show_default=False),
    ] = None,
    form: Annotated[
        Literal["goedel", "deepseek"], typer.Option("--form", help="Whose records they are to be like.")
    ] = "goedel",
) -> int:
    """Write a log's attempts as JSONL that the harness of Goedel-Prover-V2 or DeepSeek-Prover reads.

    Example: `stepprove eval export runs/LOG.eval --form goedel -o samples.jsonl`
    """
    need_extra("eval", _MODULES)
    from stepprove.eval.external_samples import write_samples
    from stepprove.eval.log import read_run

    run = read_run(log)
    if run.method is not None:
        raise CommandError(
            f"{log} has statements, and those harnesses read proofs; `stepprove eval report` shows them."
        )
    if output is None:
        write_samples(run, form, lambda line: typer.echo(in_json(line), nl=False))
        return 0
    lines: list[str] = []
    count = write_samples(run, form, lines.append)
    write_output(output, "".join(lines))
    out.print(f"{count} attempts written to {shown(output)}")
    return 0


def _known(name: str) -> Benchmark:
    known = benchmark_called(name.removeprefix(_FORMALIZE))
    if known is None:
        names = ", ".join(each.name for each in BENCHMARKS)
        raise CommandError(
            f"There is no benchmark {name!r}; known are {names}, also with {_FORMALIZE} before."
        )
    return known


def _tasks(benchmark: Benchmark) -> tuple[str, str]:
    """The names of a benchmark's two tasks: proofs, and statements."""
    return benchmark.name, f"{_FORMALIZE}{benchmark.name}"


def _run(
    benchmark: Benchmark,
    setup: Setup,
    selection: Selection,
    log_dir: Path,
    jobs: int | None,
    max_samples: int,
    json: bool,
) -> int:
    from stepprove.eval.run import evaluate

    def work(lean: Engine, watch: RunListener) -> Path:
        return evaluate(
            benchmark, setup, selection, lean, log_dir, jobs=jobs, max_samples=max_samples, watch=watch
        )

    return _evaluated(work, setup.engine, log_dir, json)


def _evaluated(
    work: Callable[[Engine, RunListener], Path], engine: EngineChoice, log_dir: Path, json: bool
) -> int:
    """Do work that writes a log, and print the log's results."""
    from stepprove.eval.benchmarks.datasets import BadBenchmark
    from stepprove.eval.benchmarks.selection import NeedsMathlib
    from stepprove.eval.external_samples import BadSamples
    from stepprove.eval.journal import JournalRefused
    from stepprove.eval.log import read_run

    lean = lean_for(None, engine)
    try:
        with _watching(quiet=json) as watch:
            log = work(lean, watch)
    except (BadBenchmark, BadSamples, JournalRefused) as wrong:
        raise CommandError(str(wrong)) from None
    except NeedsMathlib as missing:
        raise CommandError(str(missing), code=3) from None
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
    return tell(read_run(log), log, json)


def tell(run: Run, log: Path, json: bool) -> int:
    """Print a run's results with its settings; the exit code is 3 while attempts lack an outcome."""
    from stepprove.eval.report.header import caption, count, run_facts, title
    from stepprove.eval.report.report import Report, document
    from stepprove.eval.scores import score

    scores = score(run)
    code = _LEFT_OVER if scores.unfinished else 0
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


@contextmanager
def _watching(*, quiet: bool) -> Iterator[RunListener]:
    """Show the work as it goes: a bar on a terminal, a line for each attempt in a pipe."""
    from stepprove.eval.run import RunListener

    def say(line: str) -> None:
        err.print(shown(line), style="dim")

    if quiet:
        yield RunListener()
        return
    if not err.is_terminal:

        def begin(done: int, count: int) -> None:
            if done:
                say(f"{done} of {count} attempts are there already.")

        yield RunListener(say=say, begin=begin, attempt=lambda attempt: err.print(_line(attempt)))
        return
    from stepprove.eval.record import SUCCESSES

    counted: Counter[str] = Counter()
    with counting_bar() as bar:
        task = bar.add_task("Starting")

        def started(done: int, count: int) -> None:
            bar.update(task, description="Trying", completed=done, total=count)

        def made(attempt: Attempt) -> None:
            if attempt.outcome in SUCCESSES:
                counted[attempt.outcome] += 1
            bar.console.print(_line(attempt))
            told = " ".join(f"{number} {ending}" for ending, number in counted.items())
            bar.update(task, advance=1, description=told or "Trying")

        def asked(done: int, count: int) -> None:
            bar.update(task, description="What elaborates without Mathlib", completed=done, total=count)

        yield RunListener(say=say, asked=asked, begin=started, attempt=made)


def _line(attempt: Attempt) -> str:
    style = _STYLES[attempt.outcome]
    return (
        f"  [{style}]{attempt.outcome.value:<14}[/] [bold]{shown(attempt.problem)}[/] {attempt.epoch}  "
        f"{shown(attempt.reason)}  [dim]{attempt.seconds:.1f} s[/]"
    )
