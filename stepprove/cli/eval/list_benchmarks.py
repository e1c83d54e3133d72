"""`stepprove eval list`: the benchmarks that StepProve knows by name."""

from __future__ import annotations

import dataclasses

from stepprove.cli.eval.options import FORMALIZE
from stepprove.cli.options.common import Json
from stepprove.cli.terminal.console import out, print_json
from stepprove.eval.benchmarks.registry import BENCHMARKS, Benchmark


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


def _tasks(benchmark: Benchmark) -> tuple[str, str]:
    """The names of a benchmark's two tasks: proofs, and statements."""
    return benchmark.name, f"{FORMALIZE}{benchmark.name}"
