"""`stepprove bench`: measure the prover."""

from __future__ import annotations

import typer

bench = typer.Typer(help="Measure the prover on this machine.", no_args_is_help=True)
