"""`stepprove train cycle`: reinforce a small prover, let it learn its rare successes, and measure each stage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stepprove.cli.options.common import Json
from stepprove.cli.options.engine import lean_for
from stepprove.cli.terminal.console import CommandError, need_extra, out, print_json, shown_lines
from stepprove.cli.train.options import model_at
from stepprove.cli.train.progress import each_tenth, training_failures
from stepprove.lean_project.engines.engine import Engine
from stepprove.serving.client.model_backends import TINY

if TYPE_CHECKING:
    from stepprove.agent.models.problem import Problem


def cycle(
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="DIR", help="Gets a folder for each seed; a run goes on there."
        ),
    ] = Path("runs/cycle"),
    model: Annotated[
        str,
        typer.Option(
            "--model", metavar="NAME", help="The fine-tuned prover to begin with: `tiny` or a folder."
        ),
    ] = TINY,
    seed: Annotated[
        list[int] | None, typer.Option("--seed", metavar="N", help="Once for each run. [0, 1 and 2]")
    ] = None,
    updates: Annotated[
        int, typer.Option("--updates", metavar="N", min=1, help="Of each of the two reinforcements.")
    ] = 20,
    problems: Annotated[
        int,
        typer.Option(
            "--problems",
            metavar="N",
            min=1,
            help="Asked before each update, eight texts each; a GPU writes the texts of 32 in hardly more time than those of 8.",
        ),
    ] = 8,
    learning_rate: Annotated[
        float, typer.Option("--learning-rate", metavar="X", help="Of both; a larger model wants a lower one.")
    ] = 1e-4,
    theorems: Annotated[
        int, typer.Option("--theorems", metavar="N", min=1, help="Generated ones to measure on.")
    ] = 100,
    samples: Annotated[
        int, typer.Option("--samples", metavar="K", min=1, help="Attempts at each theorem.")
    ] = 8,
    minif2f: Annotated[
        str | None,
        typer.Option(
            "--minif2f", metavar="PATH", help="Measure on the core statements of miniF2F's valid split too."
        ),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", metavar="N", min=1, help="Lean processes at once.")
    ] = None,
    json: Json = False,
) -> int:
    """Reinforce a fine-tuned prover, let it learn its rare successes, reinforce it again, and print what each is worth.

    The right texts about problems on which the model nearly always fails are kept while it is reinforced, and learned. Every
    model is measured on generated theorems that no training has seen: before training, fine-tuned, reinforced, and after the
    cycle. A killed run goes on where it was. Processes with other seeds may work in the same folder at the same time.

    Example: `stepprove train tiny`, then `stepprove train cycle -o runs/cycle`
    """
    if not 0 < learning_rate < float("inf"):
        raise CommandError(f"--learning-rate must be a number above 0, not {learning_rate:g}.")
    need_extra("train", ("torch", "transformers", "accelerate", "tensorboard", "yaml"))
    from transformers.utils import logging

    from stepprove.train.experiments.cycle import TESTS, CycleOptions, run_cycle
    from stepprove.train.experiments.cycle_table import table

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    standard = CycleOptions()
    options = CycleOptions(
        seeds=tuple(dict.fromkeys(seed)) if seed else standard.seeds,
        rlvr=standard.rlvr.model_copy(
            update={"updates": updates, "problems": problems, "learning_rate": learning_rate}
        ),
        theorems=theorems,
        samples=samples,
    )
    begin, lean = model_at(model), lean_for(None, "embedded")
    given = () if minif2f is None else _core(minif2f, lean)
    with training_failures(output):
        measured = run_cycle(output, begin, lean, options, given=given, jobs=jobs, listen=each_tenth(json))
    tables = {test: table(measured, test) for test in TESTS if test == "generated" or given}
    if json:
        print_json({"folder": str(output), "tables": tables, "exit_code": 0})
        return 0
    titles = {
        "generated": f"{theorems} generated theorems",
        "given": f"{len(given)} core statements of miniF2F",
    }
    for test, text in tables.items():
        out.print(
            f"{titles[test]}, {samples} attempts each, Lean {lean.lean_version}\n\n{shown_lines(text)}\n"
        )
    return 0


def _core(path: str, lean: Engine) -> tuple[Problem, ...]:
    """The statements of miniF2F's valid split that elaborate without Mathlib. Raises BadBenchmark, ReplFailure."""
    from stepprove.agent.models.problem import Problem
    from stepprove.eval.benchmarks.core_subset import core
    from stepprove.eval.benchmarks.datasets import load
    from stepprove.eval.benchmarks.registry import benchmark_called
    from stepprove.lean_project.pool.pool import SyncPool
    from stepprove.lean_project.source.prelude import PRELUDE

    benchmark = benchmark_called("minif2f")
    assert benchmark is not None
    problems = load(benchmark, "valid", path).problems
    with SyncPool(lean) as pool:
        names = set(core(pool, problems))
    return tuple(Problem.parse(one.source, prelude=PRELUDE) for one in problems if one.name in names)
