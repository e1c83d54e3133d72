"""`stepprove train sft`: fine-tune a model in stages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stepprove.cli.console import CommandError, err, need_extra, out, print_json, shown
from stepprove.cli.files import lean_for
from stepprove.cli.options import Json
from stepprove.cli.train_plan import FilesOption, PlanOption, planned

if TYPE_CHECKING:
    from stepprove.train.rl.step import TrainingStep
    from stepprove.train.sft.run import SftProgress

_LINES = 20
"""Progress lines for each stage; the folder has every step."""


RecipeArgument = Annotated[
    str, typer.Argument(metavar="RECIPE", help="A YAML file, or the name of a built-in recipe.")
]
RunFolderOption = Annotated[
    Path, typer.Option("--output", "-o", metavar="DIR", help="The run's folder; a killed run goes on there.")
]


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
        return planned(recipe, "sft", beginning, output, files, json)
    need_extra("train", ("torch", "transformers", "accelerate", "tensorboard", "yaml"))
    from transformers.utils import logging

    from stepprove.train.recipe import read_sft
    from stepprove.train.rl.distributed import first_process
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

    with failures_told(output):
        wanted, text = read_sft(recipe)
        begin = beginning(wanted.model)
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


@contextmanager
def failures_told(output: Path) -> Iterator[None]:
    """Turn a failure to start or resume a run in `output` into a CommandError of one sentence. Needs the training packages."""
    from stepprove.lean_project.pool.remote import NoLeanServer
    from stepprove.serving.client.client import ModelFailure
    from stepprove.train.recipe import BadRecipe
    from stepprove.train.rl.rewards import RewardHack
    from stepprove.train.rl.statement_sampler import FooledJudge
    from stepprove.train.run_folder import RunInUse

    try:
        yield
    except (RewardHack, FooledJudge) as hack:
        raise CommandError(f"Training stopped: {hack}", code=1) from None
    except (BadRecipe, RunInUse) as wrong:
        raise CommandError(str(wrong)) from None
    except NoLeanServer as wrong:
        raise CommandError(str(wrong), code=3) from None
    except ModelFailure as failure:
        raise CommandError(f"Training stopped: {failure}", code=3) from None
    except OSError as wrong:
        raise CommandError(f"{wrong.filename or output}: {wrong.strerror or wrong}.") from None


def each_tenth(quiet: bool) -> Callable[[TrainingStep], None]:
    """Print each tenth of the progress of each part of the work; nothing if `quiet`."""
    shown_tenths: set[tuple[str, str, int]] = set()

    def listen(step: TrainingStep) -> None:
        tenth = (step.model, step.work, 10 * step.done // step.total)
        if not quiet and tenth not in shown_tenths:
            shown_tenths.add(tenth)
            err.print(shown(f"{step.model}: {step.work}: {step.done} of {step.total}  {step.words}"))

    return listen


def beginning(model: str) -> str | Path:
    """The place of a recipe's initial model. Raises CommandError for a folder without one."""
    from stepprove.train.recipe import NEW

    if model == NEW:
        return NEW
    if not Path(model).exists() and model.count("/") == 1 and not model.startswith((".", "/")):
        return model  # a name on the hub, which transformers loads
    return model_at(model)


def model_at(model: str) -> Path:
    """The folder of `tiny`, or of a model by its path. Raises CommandError if it holds no model."""
    from stepprove.serving.client.endpoint import model_folder
    from stepprove.serving.client.model_name import TINY

    folder = model_folder(TINY) if model == TINY else Path(model)
    if (folder / "config.json").exists():
        return folder
    hint = ": `stepprove train tiny` makes it" if model == TINY else ""
    raise CommandError(f"There is no model in {folder}{hint}.")
