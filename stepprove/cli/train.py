"""`stepprove train`: make models."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from stepprove.cli.console import CommandError, err, need_extra, out, print_json, shown
from stepprove.cli.files import lean_for, positive_seconds
from stepprove.cli.options import Json
from stepprove.cli.train_plan import FilesOption, PlanOption, planned
from stepprove.cli.train_sft import RecipeArgument, RunFolderOption, beginning, failures_told

if TYPE_CHECKING:
    from stepprove.lean_project.pool.remote import RemotePool
    from stepprove.train.recipe import RlvrRecipe
    from stepprove.train.rl.rlvr import Update

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
    from stepprove.train.sft.tiny import TinyOptions, TinyStage, medium_training, train_tiny

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    folder = output or model_folder(size)
    lean = lean_for(None, "embedded")
    seconds = None if minutes is None else 60 * minutes
    standard = SftOptions() if size == "tiny" else medium_training(torch.cuda.is_available())
    passes = standard.epochs if epochs is None else epochs
    sft = replace(standard, epochs=passes, seconds=seconds, seed=seed)
    options = TinyOptions(trajectories, seed, sft, size)
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

        shown_tenths: set[tuple[str, int]] = set()

        def listen(stage: TinyStage) -> None:
            tenth = (stage.name, 10 * stage.done // stage.total)
            if not err.is_terminal and not json and tenth not in shown_tenths:
                shown_tenths.add(tenth)
                err.print(shown(f"{stage.name}: {stage.done} of {stage.total}  {stage.words}"))
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
    out.print(f"Written to {shown(folder)}")
    return 0


@train.command()
def rlvr(
    recipe: RecipeArgument,
    output: RunFolderOption = Path("runs/rlvr"),
    plan: PlanOption = False,
    files: FilesOption = None,
    lean_server: Annotated[
        list[str] | None,
        typer.Option(
            "--lean-server",
            metavar="URL",
            help="A `stepprove lean-server` that judges in the place of Lean here; once for each. STEPPROVE_API_KEY has its key.",
        ),
    ] = None,
    model_server: Annotated[
        list[str] | None,
        typer.Option(
            "--model-server",
            metavar="URL",
            help="Of vLLM, up to and with /v1, once for each that writes texts (`rollouts: vllm`).",
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Train a model by reinforcement, with Lean as the judge: what the trust gate accepts earns 1, what it does not 0.

    What Lean cannot tell in time earns nothing either way and is left out. False theorems stand among the problems; should one be
    proved, training stops and shows the proof. Exit code 1 then.

    Example: `stepprove train rlvr stepfun-prover-rlvr-tiny -o runs/rlvr`, then `stepprove serve runs/rlvr/model`
    """
    if files and not plan:
        raise CommandError("--files goes with --plan.")
    if lean_server and plan:
        raise CommandError("--lean-server does not go with --plan.")
    if plan:
        return planned(recipe, "rlvr", beginning, output, files, json)
    need_extra("train", ("torch", "transformers", "tensorboard", "yaml"))
    from transformers.utils import logging

    from stepprove.train.recipe import read_rlvr
    from stepprove.train.rl.distributed import first_process
    from stepprove.train.rl.run import run_rlvr

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    started = time.monotonic()
    finished: list[Update] = []

    def listen(update: Update) -> None:
        finished.append(update)
        left = (time.monotonic() - started) / len(finished) * (wanted.rlvr.updates - update.number - 1)
        if json:
            return
        out.print(
            f"  {update.number + 1:>4} of {wanted.rlvr.updates}  reward {update.reward:.3f}  loss {update.loss:+.4f}  "
            f"{update.tokens:.0f} tokens, {update.checks:.1f} checks a text  {left / 60:.0f} min left"
        )

    with failures_told(output):
        wanted, text = read_rlvr(recipe)
        begin = beginning(wanted.model)
        lean = _servers(lean_server, wanted) if lean_server else lean_for(None, "embedded")
        run_rlvr(wanted, text, begin, output, lean, servers=model_server or (), listen=listen)
    if not first_process():
        return 0
    if json:
        print_json({"folder": str(output), "updates": wanted.rlvr.updates, "exit_code": 0})
        return 0
    out.print(f"{wanted.rlvr.updates} updates; written to {shown(output / 'model')}")
    return 0


def _servers(urls: list[str], recipe: RlvrRecipe) -> RemotePool:
    """The Lean servers as a pool, with the recipe's number of parallel jobs."""
    from stepprove.lean_project.pool.remote import RemotePool
    from stepprove.lean_project.server.api_key import key_from_environment

    return RemotePool(urls, key_from_environment(), at_once=recipe.jobs)
