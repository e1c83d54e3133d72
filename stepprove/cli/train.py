"""`stepprove train`: make models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from stepprove.cli.console import CommandError, err, need_extra, out, print_json
from stepprove.cli.files import lean_for, positive_seconds
from stepprove.cli.options import Json

train = typer.Typer(help="Train models, with Lean as the judge.", no_args_is_help=True)


@train.callback()
def main() -> None:
    """Train models, with Lean as the judge."""


@train.command()
def tiny(
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="DIR", help="Where the model goes. [where `--model tiny` looks]"
        ),
    ] = None,
    trajectories: Annotated[
        int, typer.Option("--trajectories", metavar="N", min=1, help="Verified trajectories to learn from.")
    ] = 5000,
    epochs: Annotated[
        float, typer.Option("--epochs", min=0.0, help="Passes over them; 0 keeps the weights random.")
    ] = 6.0,
    minutes: Annotated[
        float | None, typer.Option("--minutes", metavar="M", help="The longest that the training may take.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Everything follows from it.")] = 0,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", metavar="N", min=1, help="Lean processes at once.")
    ] = None,
    json: Json = False,
) -> int:
    """Make the small model that `--model tiny` asks, from nothing, on this machine.

    Theorems over Nat, Int, Bool, List and propositions are generated and searched; a model of six million parameters learns
    from what Lean said of right and wrong steps. It took 66 minutes on two busy cores. A killed run goes on where it was: the
    trajectories made so far are kept.

    Example: `stepprove train tiny`, then `stepprove prove file.lean --model tiny --policy model`
    """
    if minutes is not None:
        positive_seconds(minutes, "--minutes")
    need_extra("local", ("torch", "transformers", "accelerate"))
    from transformers.utils import logging

    from stepprove.serving.endpoint import model_folder
    from stepprove.train.sft import SftOptions
    from stepprove.train.tiny import Stage, TinyOptions, train_tiny

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    folder = output or model_folder("tiny")
    lean = lean_for(None, "embedded")
    seconds = None if minutes is None else 60 * minutes
    options = TinyOptions(trajectories, seed, SftOptions(epochs=epochs, seconds=seconds, seed=seed))
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[words]}"),
        console=err,
        disable=json or not err.is_terminal,
    )
    with bar:
        tasks = {name: bar.add_task(name, total=None, words="") for name in ("trajectories", "training")}

        told: set[tuple[str, int]] = set()

        def listen(stage: Stage) -> None:
            tenth = (stage.name, 10 * stage.done // stage.total)
            if not err.is_terminal and not json and tenth not in told:
                told.add(tenth)
                err.print(f"{stage.name}: {stage.done} of {stage.total}  {stage.words}")
            bar.update(tasks[stage.name], completed=stage.done, total=stage.total, words=stage.words)

        try:
            record = train_tiny(folder, lean, options, jobs=jobs, listen=listen)
        except OSError as wrong:
            raise CommandError(f"{wrong.filename or folder}: {wrong.strerror}.") from None
    if json:
        print_json({"folder": str(folder), **record, "exit_code": 0})
        return 0
    kept, training = record["trajectories"], record["training"]
    out.print(
        f"{kept['kept']} trajectories ({kept['with_rejected_sketches']} with rejected sketches) in {kept['seconds']:.0f} s; "
        f"{record['parameters'] / 1e6:.1f} M parameters "
        + (
            f"trained in {training['train_runtime']:.0f} s"
            if training.get("train_runtime")
            else "left as they were"
        )
    )
    out.print(f"Written to {escape(str(folder))}")
    return 0
