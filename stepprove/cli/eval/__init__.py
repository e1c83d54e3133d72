"""`stepprove eval`: run a prover or a formalizer on a benchmark, and report the results that Lean accepts."""

from __future__ import annotations

import typer

from stepprove.cli.eval.compare import compare
from stepprove.cli.eval.export import export
from stepprove.cli.eval.list_benchmarks import list_benchmarks
from stepprove.cli.eval.report import report
from stepprove.cli.eval.retry import retry
from stepprove.cli.eval.run import run
from stepprove.cli.eval.score import score

evaluation = typer.Typer(
    help="Run a prover or a formalizer on a benchmark, and report the results that Lean accepts.",
    no_args_is_help=True,
)


@evaluation.callback()
def main() -> None:
    """Run a prover or a formalizer on a benchmark, and report the results that Lean accepts."""


evaluation.command()(report)
evaluation.command()(compare)
evaluation.command("list")(list_benchmarks)
evaluation.command()(run)
evaluation.command()(retry)
evaluation.command()(score)
evaluation.command()(export)
