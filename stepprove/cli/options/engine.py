"""The choice of a Lean, and its description in a command's output."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from stepprove.cli.terminal.console import CommandError
from stepprove.cli.terminal.progress import Installing
from stepprove.lean_project.engines.embedded.memory import LEAST_MB, MOST_MB, VARIABLE
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.engines.find import find_engine
from stepprove.lean_project.engines.native.imports import require_imports
from stepprove.lean_project.source.file import SourceFile
from stepprove.lean_project.source.prelude import prelude_for

EngineChoice = Literal["auto", "embedded", "native"]
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

CORE_MODULES = ("Init", "Std", "Lean")
"""The root modules of Lean's own library."""


def choose_engine(
    source: SourceFile,
    prefer: EngineChoice,
    *,
    without_mathlib: bool = False,
    memory_mb: float | None = None,
) -> Engine:
    """Choose the Lean for a file.

    Args:
        source: the file.
        prefer: the user's choice of engine.
        without_mathlib: a prelude will replace the file's imports on an engine without Mathlib.
        memory_mb: the user's limit for each process of the embedded Lean, in 10**6 B; None: the usual one.

    Raises:
        CommandError: the file imports a module that the engine does not have.
        LeanNotFound: no Lean can start, or the Lake project lacks a module.
    """
    engine = lean_for(source.path, prefer, memory_mb)
    if without_mathlib and prelude_for(engine) is not None:
        return engine
    if engine.cwd is None:
        foreign = [m for m in source.imports if m.split(".", 1)[0] not in CORE_MODULES]
        if foreign:
            name = source.path.name if source.path else "the file"
            hint = (
                "; set up Mathlib with `stepprove setup --native --mathlib`, "
                "or read the statements as core Lean with --without-mathlib"
                if foreign[0].split(".", 1)[0] == "Mathlib"
                else "; open it inside its Lake project with a native Lean (`stepprove doctor` says what is missing)"
            )
            raise CommandError(
                f"{name} imports {foreign[0]}, which the embedded Lean does not have{hint}.", code=3
            )
    else:
        require_imports(engine.cwd, source.imports)
    return engine


def lean_for(path: Path | None, prefer: EngineChoice, memory_mb: float | None = None) -> Engine:
    """Find a Lean, installing the embedded one on first use. Raises LeanNotFound."""
    installing = Installing()
    try:
        return find_engine(path, prefer=prefer, progress=installing, memory_mb=memory_mb)
    finally:
        installing.close()


def engine_json(engine: Engine) -> dict[str, Any]:
    """The Lean behind a result, as JSON data."""
    return {"kind": engine.kind, "lean": engine.lean_version, "mathlib": engine.mathlib}


def engine_words(engine: Engine) -> str:
    """The Lean behind a result, in words."""
    return f"Lean {engine.lean_version} ({engine.kind}{', Mathlib ' + engine.mathlib[:10] if engine.mathlib else ', no Mathlib'})"
