"""The configuration file of the `stepprove formalizer` commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stepprove.cli.terminal.console import CommandError

if TYPE_CHECKING:
    from stepprove.formalizer.config import FormalizerConfig

ConfigOption = Annotated[
    Path,
    typer.Option("--config", metavar="FILE.yaml", help="What the stages are made with.", show_default=False),
]


def settings_in(path: Path) -> FormalizerConfig:
    """The settings of a configuration file. Raises CommandError."""
    from stepprove.formalizer.config import BadConfig, read_config

    try:
        return read_config(path)
    except BadConfig as wrong:
        raise CommandError(str(wrong)) from None
