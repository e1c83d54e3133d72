"""The options that several commands share, each written once."""

from __future__ import annotations

from typing import Annotated

import typer

from stepprove.cli.terminal.console import CommandError

WithoutMathlib = Annotated[
    bool,
    typer.Option(
        "--without-mathlib",
        help="Read `import Mathlib` as core Lean with ℕ and ℤ: for statements that name nothing else of Mathlib.",
    ),
]
AllowNativeDecide = Annotated[
    bool,
    typer.Option(
        "--allow-native-decide", help="Let proofs rest on the compiler's axioms; the result lists them."
    ),
]
AllowAxiom = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-axiom", metavar="NAME", help="Let proofs rest on this axiom of the file; may be repeated."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]


def positive_seconds(value: float, option: str) -> float:
    """Raise CommandError unless a time limit is above 0 and finite."""
    if not 0 < value < float("inf"):
        raise CommandError(f"{option} must be a number of seconds above 0, not {value:g}.")
    return value
