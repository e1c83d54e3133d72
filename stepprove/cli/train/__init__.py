"""`stepprove train`: make models."""

from __future__ import annotations

import typer

from stepprove.cli.train.cycle import cycle
from stepprove.cli.train.premises import premises
from stepprove.cli.train.rlvr import rlvr
from stepprove.cli.train.sft import sft
from stepprove.cli.train.thinkingf import thinkingf
from stepprove.cli.train.tiny import tiny

train = typer.Typer(help="Train models, with Lean as the judge.", no_args_is_help=True)


@train.callback()
def main() -> None:
    """Train models, with Lean as the judge."""


train.command()(tiny)
train.command()(rlvr)
train.command()(premises)
train.command()(sft)
train.command()(thinkingf)
train.command()(cycle)
