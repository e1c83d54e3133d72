"""`stepprove eval report` and `stepprove eval compare`: reports on the logs of evaluations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stepprove.cli.console import CommandError, need_extra, out, print_json, shown
from stepprove.cli.options import Json
from stepprove.output_file import write_output
from stepprove.visible import visible

_BLOCKED = 3
"""The exit code if there is no score, because attempts are missing or the infrastructure spoiled them."""


def report(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="The log of an evaluation.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where the report goes. [LOG.html]")
    ] = None,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Markdown, on stdout unless -o says where.")
    ] = False,
    json: Json = False,
) -> int:
    """Report on an evaluation as one HTML page that needs nothing else, as Markdown or as JSON.

    pass@k with intervals, what was solved within how many interactions, tokens and seconds, and every problem with its attempts.
    Exit code 3: attempts are missing or were spoiled by the infrastructure; there is no score until `stepprove eval retry` has
    made them.

    Example: `stepprove eval report runs/LOG.eval -o report.html`
    """
    need_extra("eval", ("inspect_ai", "numpy"))
    from stepprove.eval.log import read_run
    from stepprove.eval.report.markdown import markdown
    from stepprove.eval.report.page import page
    from stepprove.eval.report.report import Report, document
    from stepprove.eval.scores import score

    if as_markdown and json:
        raise CommandError("--markdown and --json are two forms: choose one.")
    if json and output is not None:
        raise CommandError("--json prints to stdout: leave out -o.")
    run = read_run(log)
    done = Report(run, score(run), str(log))
    code = _BLOCKED if done.scores.unfinished else 0
    if json:
        print_json({**document(done), "exit_code": code})
        return code
    if as_markdown and output is None:
        typer.echo(visible(markdown(done)), nl=False)
        return code
    target = output or log.with_suffix(".html")
    if target.resolve() == log.resolve():
        raise CommandError(f"{target} is the log itself: name another file with -o.")
    write_output(target, markdown(done) if as_markdown else page(done))
    out.print(f"Written to {shown(target)}")
    if done.scores.blocked:
        out.print(f"{shown(done.scores.blocked)} Run `{shown(done.retry)}`.")
    for name, rates in done.rows[: 2 if done.scores.bounds else 1]:
        out.print(shown(f"{name}: {done.figures(rates)}" if done.scores.bounds else done.figures(rates)))
    return code


def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="The log of the run to compare with.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The log of the run to compare.")],
    json: Json = False,
) -> int:
    """Compare two evaluations on the problems that both tried: paired differences, McNemar's test, problems gained and lost.

    Exit code 3: in one of them attempts are missing or were spoiled by the infrastructure.

    Example: `stepprove eval compare runs/BEFORE.eval runs/AFTER.eval`
    """
    need_extra("eval", ("inspect_ai", "numpy"))
    from stepprove.eval.log import read_run
    from stepprove.eval.report.compare import NothingShared, lines
    from stepprove.eval.report.compare import compare as compared
    from stepprove.visible import encodable

    runs = read_run(a), read_run(b)
    try:
        comparison = compared(*runs)
    except NothingShared as wrong:
        raise CommandError(str(wrong)) from None
    code = _BLOCKED if comparison.blocked else 0
    if json:
        heads = [run.model_dump(mode="json", exclude={"problems", "attempts"}) for run in runs]
        document = {
            "a": heads[0],
            "b": heads[1],
            "comparison": comparison.model_dump(mode="json"),
            "exit_code": code,
        }
        print_json(encodable(document))
    else:
        out.print("\n".join(lines(comparison, *runs)), markup=False)
    return code
