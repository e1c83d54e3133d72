"""The option for the configuration file of the `stepprove formalizer` commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path,
    typer.Option("--config", metavar="FILE.yaml", help="What the stages are made with.", show_default=False),
]
