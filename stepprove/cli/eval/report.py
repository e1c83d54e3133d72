"""`stepprove eval report`: report on an evaluation as a page, as Markdown or as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stepprove.cli.eval.options import MODULES, UNFINISHED, LogArgument
from stepprove.cli.options.common import Json
from stepprove.cli.terminal.console import CommandError, need_extra, out, print_json, shown
from stepprove.files.output_file import write_output
from stepprove.visible import visible


def report(
    log: LogArgument,
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
    need_extra("eval", MODULES)
    from stepprove.eval.records.log import read_run
    from stepprove.eval.report.markdown import markdown
    from stepprove.eval.report.page import page
    from stepprove.eval.report.report import Report, document
    from stepprove.eval.scoring.scores import score

    if as_markdown and json:
        raise CommandError("--markdown and --json are two forms: choose one.")
    if json and output is not None:
        raise CommandError("--json prints to stdout: leave out -o.")
    run = read_run(log)
    done = Report(run, score(run), str(log))
    code = UNFINISHED if done.scores.unfinished else 0
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
