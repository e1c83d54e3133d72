"""`stepprove train rlvr`: train a model by reinforcement, with Lean as the judge."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stepprove.cli.options.common import Json
from stepprove.cli.options.engine import lean_for
from stepprove.cli.terminal.console import CommandError, need_extra, out, print_json, shown
from stepprove.cli.train.options import RecipeArgument, RunFolderOption, initial_model
from stepprove.cli.train.plan import FilesOption, PlanOption, planned
from stepprove.cli.train.progress import training_failures

if TYPE_CHECKING:
    from stepprove.lean_project.pool.remote.remote_pool import RemotePool
    from stepprove.train.recipe import RlvrRecipe
    from stepprove.train.rl.figures import Update


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
        return planned(recipe, "rlvr", initial_model, output, files, json)
    need_extra("train", ("torch", "transformers", "tensorboard", "yaml"))
    from transformers.utils import logging

    from stepprove.train.distributed import first_process
    from stepprove.train.recipe import read_rlvr
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

    with training_failures(output):
        wanted, text = read_rlvr(recipe)
        begin = initial_model(wanted.model)
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
    from stepprove.lean_project.pool.remote.remote_pool import RemotePool
    from stepprove.lean_project.server.api_key import key_from_environment

    return RemotePool(urls, key_from_environment(), at_once=recipe.jobs)
