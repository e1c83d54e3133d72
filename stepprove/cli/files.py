"""Shared parts of the commands on files: the choice of a Lean, the styles of outcomes, and progress."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from stepprove.cli.console import CommandError, err
from stepprove.lean_project.engines.embedded.install import InstallStep
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.engines.find import find_engine
from stepprove.lean_project.engines.native.imports import require_imports
from stepprove.lean_project.source.file import SourceFile
from stepprove.lean_project.source.prelude import prelude_for
from stepprove.outcome import Outcome

EngineChoice = Literal["auto", "embedded", "native"]

CORE_MODULES = ("Init", "Std", "Lean")
"""The root modules of Lean's own library."""

STYLES = {
    Outcome.PROVED: "green",
    Outcome.DISPROVED: "magenta",
    Outcome.FAILED: "red",
    Outcome.TIMEOUT: "yellow",
    Outcome.REJECTED: "red",
    Outcome.INFRASTRUCTURE: "yellow",
}


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


class Installing:
    """Shows the installation of the embedded Lean on stderr; it stays silent until there is a wait."""

    _WORDS: ClassVar[dict[str, str]] = {
        "wait": "Another process is installing the embedded Lean; waiting for it",
        "download": "Downloading the embedded Lean (once)",
        "unpack": "Unpacking it",
        "slim": "Slimming it",
    }

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._said: str | None = None

    def __call__(self, step: InstallStep) -> None:
        """Show one step."""
        words = self._WORDS.get(step.name)
        if words is None:
            self.close(f"The embedded Lean is installed ({step.seconds:.0f} s).")
            return
        if not err.is_terminal:
            if words != self._said:
                err.print(words + " …")
                self._said = words
            return
        if self._progress is None:
            self._progress = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                DownloadColumn(),
                TimeElapsedColumn(),
                console=err,
                transient=True,
            )
            self._progress.start()
            self._task = self._progress.add_task(words, total=None)
        assert self._task is not None
        self._progress.update(self._task, description=words, completed=step.done, total=step.total or None)

    def close(self, words: str = "") -> None:
        """Remove the bar and print `words`."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
        if words:
            err.print(words)


def counting_bar() -> Progress:
    """A progress bar on stderr for countable work; it disappears at the end."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=True,
    )


def positive_seconds(value: float, option: str) -> float:
    """Raise CommandError unless a time limit is above 0 and finite."""
    if not 0 < value < float("inf"):
        raise CommandError(f"{option} must be a number of seconds above 0, not {value:g}.")
    return value
