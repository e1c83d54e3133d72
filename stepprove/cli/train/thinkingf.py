"""`stepprove train thinkingf`: train a small formalizer, and measure each stage of its training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stepprove.cli.options.common import Json
from stepprove.cli.options.engine import lean_for
from stepprove.cli.terminal.console import need_extra, out, print_json, shown_lines
from stepprove.cli.train.progress import each_tenth, training_failures


def thinkingf(
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="DIR", help="Gets a folder for each model; a run goes on there."
        ),
    ] = Path("runs/thinkingf"),
    pairs: Annotated[
        int, typer.Option("--pairs", metavar="N", min=1, help="Pairs of the knowledge stage.")
    ] = 8000,
    trajectories: Annotated[
        int, typer.Option("--trajectories", metavar="N", min=1, help="Texts of the reasoning stage.")
    ] = 2000,
    updates: Annotated[
        int, typer.Option("--updates", metavar="N", min=1, help="Of the reinforcement stage.")
    ] = 50,
    problems: Annotated[
        int,
        typer.Option(
            "--problems", metavar="N", min=1, help="In the test of new phrasings; half as many of new kinds."
        ),
    ] = 100,
    samples: Annotated[
        int, typer.Option("--samples", metavar="K", min=1, help="Answers to each problem of a test.")
    ] = 4,
    seed: Annotated[int, typer.Option("--seed", help="Everything follows from it.")] = 0,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", metavar="N", min=1, help="Lean processes at once.")
    ] = None,
    json: Json = False,
) -> int:
    """Train a small formalizer in ThinkingF's stages, with and without each, and print what each is worth.

    Problems in words are made with their statements by templates; some sentences and some kinds of problems are kept for tests.
    A model of two million parameters learns statements alone (knowledge), then reasoning in eight parts before them, then by
    reinforcement with BEq as the reward. A killed run goes on with the first model that is not finished.

    Example: `stepprove train thinkingf -o runs/thinkingf`
    """
    need_extra("local", ("torch", "transformers", "accelerate"))
    from transformers.utils import logging

    from stepprove.train.experiments.thinkingf import ThinkingOptions, run_thinkingf, table

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    standard = ThinkingOptions()
    options = ThinkingOptions(
        knowledge=pairs,
        reasoning=trajectories,
        rlvr=standard.rlvr.model_copy(update={"updates": updates, "seed": seed}),
        problems=problems,
        samples=samples,
        seed=seed,
    )
    with training_failures(output):
        scores = run_thinkingf(
            output, lean_for(None, "embedded"), options, jobs=jobs, listen=each_tenth(json)
        )
    if json:
        print_json({"folder": str(output), "scores": scores, "exit_code": 0})
        return 0
    out.print(shown_lines(table(scores)))
    return 0
