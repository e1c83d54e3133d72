"""`stepprove eval run`: run a prover or a formalizer on a benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stepprove.cli.eval.options import (
    FORMALIZE,
    MODULES,
    JobsOption,
    LogDirOption,
    MaxSamplesOption,
    PathOption,
    RevisionOption,
    SplitOption,
    SubsetOption,
    known_benchmark,
)
from stepprove.cli.eval.results import run_benchmark
from stepprove.cli.options.common import Json, positive_seconds
from stepprove.cli.options.engine import EngineChoice
from stepprove.cli.options.models import ModelOption, ModelSettings, PolicyOption, RoundsOption, StyleOption
from stepprove.cli.terminal.console import CommandError, need_extra
from stepprove.formalizer.equivalence.methods import Method
from stepprove.serving.client.model_backends import FORMS


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
    chosen = known_benchmark(benchmark)
    statements = benchmark.startswith(FORMALIZE)
    if statements:
        if policy is not None or style != "auto" or rounds != 4:
            raise CommandError(
                f"{benchmark} asks for statements: --policy, --style and --rounds are for proofs."
            )
        if model is None:
            raise CommandError(f"Which model is to state the problems? --model {FORMS}.")
    elif method is not None:
        raise CommandError(f"--method is for statements: `stepprove eval run {FORMALIZE}{chosen.name}`.")
    plan = ModelSettings(model, policy, style, attempts=1, rounds=rounds).plan()
    need_extra("eval", MODULES)
    from stepprove.eval.setup import FORMALIZE_EPOCHS, TEXT_SECONDS, Selection, formalizing, proving

    if time_limit is not None:
        positive_seconds(time_limit, "--time-limit")
    split = split or chosen.splits[0]
    if statements and model is not None:
        setup = formalizing(
            chosen.name,
            split,
            model,
            subset=subset,
            path=path,
            revision=revision,
            method=method or "beq",
            time_limit=TEXT_SECONDS if time_limit is None else time_limit,
            seed=seed,
            engine=engine,
        )
    else:
        setup = proving(
            chosen.name,
            split,
            subset=subset,
            path=path,
            revision=revision,
            policy=None if plan is None else plan.policy,
            model=model,
            style=None if plan is None else plan.style,
            rounds=rounds,
            time_limit=time_limit,
            seed=seed,
            engine=engine,
        )
    epochs = epochs or (FORMALIZE_EPOCHS if statements else 1)
    selection = Selection(epochs=epochs, limit=limit, names=tuple(sample_id or ()))
    return run_benchmark(chosen, setup, selection, log_dir, jobs, max_samples, json)
