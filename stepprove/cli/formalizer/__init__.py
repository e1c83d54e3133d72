"""`stepprove formalizer`: make data for formalizers."""

from __future__ import annotations

import typer

from stepprove.cli.formalizer.build import build
from stepprove.cli.formalizer.knowledge import knowledge
from stepprove.cli.formalizer.reasoning import reasoning

formalizer = typer.Typer(
    help="Make the data that formalizers learn from: pairs, reasoning, a dataset.", no_args_is_help=True
)


@formalizer.callback()
def main() -> None:
    """Make the data that formalizers learn from: pairs, reasoning, a dataset."""


formalizer.command()(knowledge)
formalizer.command()(reasoning)
formalizer.command()(build)
