"""`stepprove train sft`: fine-tune a model in stages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stepprove.cli.options.common import Json
from stepprove.cli.options.engine import lean_for
from stepprove.cli.terminal.console import CommandError, err, need_extra, out, print_json, shown
from stepprove.cli.train.options import RecipeArgument, RunFolderOption, initial_model
from stepprove.cli.train.plan import FilesOption, PlanOption, planned
from stepprove.cli.train.progress import training_failures

if TYPE_CHECKING:
    from stepprove.train.sft.run import SftProgress

_LINES = 20
"""Progress lines for each stage; the folder has every step."""


def sft(
    recipe: RecipeArgument,
    output: RunFolderOption = Path("runs/sft"),
    plan: PlanOption = False,
    files: FilesOption = None,
    json: Json = False,
) -> int:
    """Fine-tune a model in one stage or several, on trajectories, on prompts with completions, or on chats.

    What Lean said in a trajectory is read, not learned. A killed run goes on at its last checkpoint as if it had not been killed.

    Examples: `stepprove train sft stepfun-prover-sft-tiny -o runs/sft`, then `stepprove serve runs/sft/model`;
    `stepprove train sft stepfun-prover-sft --plan --files launch`
    """
    if files and not plan:
        raise CommandError("--files goes with --plan.")
    if plan:
        return planned(recipe, "sft", initial_model, output, files, json)
    need_extra("train", ("torch", "transformers", "accelerate", "tensorboard", "yaml"))
    from transformers.utils import logging

    from stepprove.train.distributed import first_process
    from stepprove.train.recipe import read_sft
    from stepprove.train.sft.run import run_sft

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    last_tenth: dict[tuple[str, bool], int] = {}

    def listen(progress: SftProgress) -> None:
        which = (progress.stage, progress.loss is None)
        part = _LINES * progress.done // progress.total
        if json or (last_tenth.get(which) == part and progress.done < progress.total):
            return
        last_tenth[which] = part
        words = "texts" if progress.loss is None else f"loss {progress.loss:.4f}"
        left = progress.seconds_left
        out.print(
            f"  {progress.stage}: {progress.done:>5} of {progress.total}  {words}  "
            + (f"{left / 60:.0f} min left" if left >= 60 else f"{left:.0f} s left")
        )

    with training_failures(output):
        wanted, text = read_sft(recipe)
        begin = initial_model(wanted.model)
        figures = run_sft(wanted, text, begin, output, lambda: lean_for(None, "embedded"), listen=listen)
    if not first_process():
        return 0
    if json:
        print_json({"folder": str(output), "stages": figures, "exit_code": 0})
        return 0
    for name, stage in figures.items():
        if left_out := int(stage["left_out"]):
            err.print(f"{shown(name)}: {left_out} texts are longer than the context and were left out.")
    out.print(f"Written to {shown(output / 'model')}")
    return 0
