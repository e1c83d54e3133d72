"""`stepprove train tiny`: make the small model that `--model tiny` asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from stepprove.cli.options.common import Json, positive_seconds
from stepprove.cli.options.engine import lean_for
from stepprove.cli.terminal.console import CommandError, err, need_extra, out, print_json, shown

if TYPE_CHECKING:
    from stepprove.train.sft.tiny import TinyStage


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
        float | None,
        typer.Option(
            "--epochs",
            min=0.0,
            help="Passes over them; 0 keeps the weights random. [5, of the medium one 10]",
        ),
    ] = None,
    size: Annotated[
        Literal["tiny", "medium"],
        typer.Option(
            "--size",
            help="tiny: 6 million parameters, learns on a CPU. medium: 120 million, wants a GPU.",
        ),
    ] = "tiny",
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
    from what Lean said of right and wrong steps. It took 54 minutes on two busy cores. A killed run goes on where it was: the
    trajectories made so far are kept. `--size medium` makes a larger model in a folder of its own, for `stepprove train cycle
    --model DIR` on a GPU.

    Example: `stepprove train tiny`, then `stepprove prove file.lean --model tiny --policy model`
    """
    if minutes is not None:
        positive_seconds(minutes, "--minutes")
    need_extra("local", ("torch", "transformers", "accelerate"))
    import torch
    from transformers.utils import logging

    from stepprove.serving.client.endpoint import model_folder
    from stepprove.train.sft.sft import SftOptions
    from stepprove.train.sft.tiny import TinyOptions, medium_training, train_tiny

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    folder = output or model_folder(size)
    lean = lean_for(None, "embedded")
    seconds = None if minutes is None else 60 * minutes
    standard = SftOptions() if size == "tiny" else medium_training(torch.cuda.is_available())
    passes = standard.epochs if epochs is None else epochs
    sft = replace(standard, epochs=passes, seconds=seconds, seed=seed)
    options = TinyOptions(trajectories, seed, sft, size)
    with _showing(quiet=json) as listen:
        try:
            record = train_tiny(folder, lean, options, jobs=jobs, listen=listen)
        except OSError as wrong:
            raise CommandError(f"{wrong.filename or folder}: {wrong.strerror}.") from None
    if json:
        print_json({"folder": str(folder), **record, "exit_code": 0})
    else:
        out.print(_summary(record))
        out.print(f"Written to {shown(folder)}")
    return 0


@contextmanager
def _showing(*, quiet: bool) -> Iterator[Callable[[TinyStage], None]]:
    """Show the two stages of the training: bars on a terminal, each tenth in a pipe, nothing if `quiet`."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[words]}"),
        console=err,
        disable=quiet or not err.is_terminal,
    )
    with bar:
        tasks = {name: bar.add_task(name, total=None, words="") for name in ("trajectories", "training")}
        shown_tenths: set[tuple[str, int]] = set()

        def listen(stage: TinyStage) -> None:
            tenth = (stage.name, 10 * stage.done // stage.total)
            if not err.is_terminal and not quiet and tenth not in shown_tenths:
                shown_tenths.add(tenth)
                err.print(shown(f"{stage.name}: {stage.done} of {stage.total}  {stage.words}"))
            bar.update(tasks[stage.name], completed=stage.done, total=stage.total, words=stage.words)

        yield listen


def _summary(record: dict[str, Any]) -> str:
    kept, training = record["trajectories"], record["training"]
    seconds = training.get("train_runtime")
    trained = f"trained in {seconds:.0f} s" if seconds else "left as they were"
    return (
        f"{kept['kept']} trajectories ({kept['with_rejected_sketches']} with rejected sketches) in {kept['seconds']:.0f} s; "
        f"{record['parameters'] / 1e6:.1f} M parameters {trained}"
    )
