"""`stepprove eval`: run a prover on a benchmark, and count what Lean bears out."""

from __future__ import annotations

import dataclasses

import typer

from stepprove.cli.console import out, print_json
from stepprove.cli.options import Json
from stepprove.eval.benchmarks import BENCHMARKS

evaluation = typer.Typer(help="Run a prover on a benchmark, and report what it proved.", no_args_is_help=True)


@evaluation.callback()
def main() -> None:
    """Run a prover on a benchmark, and report what it proved."""


@evaluation.command("list")
def list_benchmarks(json: Json = False) -> int:
    """List the benchmarks that are known by name."""
    if json:
        print_json({"benchmarks": [dataclasses.asdict(each) for each in BENCHMARKS], "exit_code": 0})
        return 0
    width = max(len(each.name) for each in BENCHMARKS)
    for each in BENCHMARKS:
        out.print(f"{each.name:<{width}}  {each.title}", markup=False)
        out.print(f"{'':<{width}}  splits {', '.join(each.splits)}; {each.origin}; licence: {each.licence}")
    return 0
