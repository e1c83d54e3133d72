"""`stepprove eval score`: judge existing attempts by the present gate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stepprove.cli.eval.options import (
    FORMALIZE,
    MODULES,
    JobsOption,
    LogDirOption,
    PathOption,
    RevisionOption,
    SplitOption,
    SubsetOption,
    known_benchmark,
)
from stepprove.cli.eval.results import write_log
from stepprove.cli.options.common import Json
from stepprove.cli.options.engine import EngineChoice
from stepprove.cli.terminal.console import CommandError, need_extra
from stepprove.eval.benchmarks.registry import BENCHMARKS


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
    need_extra("eval", MODULES)
    from stepprove.eval.run import rescore, score_samples
    from stepprove.eval.setup import Setup

    if file.suffix == ".eval":
        if benchmark or split or subset or path or revision:
            raise CommandError(
                "A log says itself which statements its attempts are at: leave those options away."
            )
        return write_log(
            lambda lean, watch: rescore(file, lean, jobs=jobs, watch=watch), engine, file.parent, json
        )
    if benchmark is None:
        names = ", ".join(known.name for known in BENCHMARKS)
        raise CommandError(
            f"Which statements are the attempts of {file} at? Name them with --benchmark: {names}."
        )
    if benchmark.startswith(FORMALIZE):
        raise CommandError(
            f"Only proofs made elsewhere can be scored: --benchmark {known_benchmark(benchmark).name}."
        )
    chosen = known_benchmark(benchmark)
    setup = Setup(
        benchmark=chosen.name,
        split=split or chosen.splits[0],
        subset=subset,
        path=path,
        revision=revision,
        policy="outside",
        engine=engine,
    )
    return write_log(
        lambda lean, watch: score_samples(chosen, setup, file, lean, log_dir, jobs=jobs, watch=watch),
        engine,
        log_dir,
        json,
    )
