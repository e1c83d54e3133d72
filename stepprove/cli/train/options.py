"""The options that several `stepprove train` commands share, and the place of a model by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stepprove.cli.terminal.console import CommandError

RecipeArgument = Annotated[
    str, typer.Argument(metavar="RECIPE", help="A YAML file, or the name of a built-in recipe.")
]
RunFolderOption = Annotated[
    Path, typer.Option("--output", "-o", metavar="DIR", help="The run's folder; a killed run goes on there.")
]


def initial_model(model: str) -> str | Path:
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
    from stepprove.serving.client.model_backends import TINY

    folder = model_folder(TINY) if model == TINY else Path(model)
    if (folder / "config.json").exists():
        return folder
    hint = ": `stepprove train tiny` makes it" if model == TINY else ""
    raise CommandError(f"There is no model in {folder}{hint}.")
