"""The options that the commands on files share, each written once."""

from __future__ import annotations

from typing import Annotated

import typer

from stepprove.cli.files import EngineChoice
from stepprove.lean_project.engines.embedded.memory import LEAST_MB, MOST_MB, VARIABLE

EngineOption = Annotated[
    EngineChoice,
    typer.Option("--engine", help="Which Lean; auto takes the one of the Lake project around FILE."),
]
EngineMemory = Annotated[
    float | None,
    typer.Option(
        "--engine-memory",
        metavar="MB",
        min=LEAST_MB,
        max=MOST_MB,
        help=f"For each process of the embedded Lean; also ${VARIABLE}. [1800]",
    ),
]
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
