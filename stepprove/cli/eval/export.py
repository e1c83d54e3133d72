"""`stepprove eval export`: write attempts in another harness's format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from stepprove.cli.eval.options import MODULES, LogArgument
from stepprove.cli.terminal.console import CommandError, need_extra, out, shown
from stepprove.files.output_file import write_output
from stepprove.visible import in_json


def export(
    log: LogArgument,
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
    need_extra("eval", MODULES)
    from stepprove.eval.records.external_samples import write_samples
    from stepprove.eval.records.log import read_run

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
