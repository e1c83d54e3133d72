"""The options and arguments that several `stepprove eval` commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from stepprove.cli.terminal.console import CommandError
from stepprove.eval.benchmarks.registry import BENCHMARKS, Benchmark, benchmark_called

MODULES = ("inspect_ai", "numpy")
"""The modules of the `eval` extra."""
FORMALIZE = "formalize/"
"""The prefix of a benchmark's name for the task of statements."""
UNFINISHED = 3
"""The exit code while attempts lack an outcome: they are missing, or the infrastructure spoiled them."""

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


LogArgument = Annotated[Path, typer.Argument(metavar="LOG", help="The log of an evaluation.")]


def known_benchmark(name: str) -> Benchmark:
    """The benchmark of a name, with or without the prefix for statements. Raises CommandError."""
    benchmark = benchmark_called(name.removeprefix(FORMALIZE))
    if benchmark is None:
        names = ", ".join(benchmark.name for benchmark in BENCHMARKS)
        raise CommandError(
            f"There is no benchmark {name!r}; known are {names}, also with {FORMALIZE} before."
        )
    return benchmark
