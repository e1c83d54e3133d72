"""`stepprove bench`: measure the prover."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.markup import escape

from stepprove.agent.core_bench import Row, run_core, table
from stepprove.cli.console import CommandError, err, out, print_json
from stepprove.cli.files import STYLES, lean_for, positive_seconds

bench = typer.Typer(help="Measure the prover on this machine.", no_args_is_help=True)


@bench.callback()
def main() -> None:
    """Measure the prover on this machine."""


@bench.command()
def core(
    statements: Annotated[
        Path,
        typer.Argument(
            metavar="STATEMENTS.jsonl", help="Lines with `name` and `formal_statement`, as of miniF2F."
        ),
    ],
    time_limit: Annotated[
        float, typer.Option("--time-limit", metavar="SECONDS", help="For each statement.")
    ] = 60.0,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", metavar="N", min=1, help="Lean processes at once.")
    ] = 2,
    seed: Annotated[int, typer.Option("--seed", help="Breaks ties in the search.")] = 0,
    log: Annotated[
        Path,
        typer.Option("--log", metavar="FILE", help="Gets a line for each statement as soon as it is done."),
    ] = Path("core.jsonl"),
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")] = False,
) -> int:
    """Run the prover on the statements that core Lean can read, with ℕ and ℤ as notation.

    Statements that name anything else of Mathlib are left out; the table says how many. A proof counts when the trust
    gate accepts it. Exit code 0: all of them proved.
    """
    positive_seconds(time_limit, "--time-limit")

    def show(row: Row) -> None:
        style = STYLES[row.outcome]
        err.print(
            f"  [{style}]{row.outcome.value:<14}[/] {row.seconds:6.1f} s  [bold]{escape(row.name)}[/]  "
            f"{escape(row.found_by or row.reason or '')}"
        )

    try:
        report = run_core(
            statements,
            lean_for(None, "embedded"),
            time_limit=time_limit,
            jobs=jobs,
            seed=seed,
            log=log,
            listen=show,
        )
    except ValidationError:
        raise CommandError(f"{statements} has a line without `name` and `formal_statement`.") from None
    except ValueError as wrong:
        raise CommandError(f"{statements} is not UTF-8 text: {wrong}.") from None
    except OSError as wrong:
        raise CommandError(f"{wrong.filename or statements}: {wrong.strerror}.") from None
    code = 0 if report.rows and report.solved == len(report.rows) else 1
    if json:
        print_json({**report.model_dump(mode="json"), "solved": report.solved, "exit_code": code})
    else:
        out.print("\n".join(table(report)), markup=False)
    return code
