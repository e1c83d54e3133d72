"""Progress on stderr, and the styles of outcomes."""

from __future__ import annotations

from typing import ClassVar

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

from stepprove.cli.terminal.console import err
from stepprove.lean_project.engines.embedded.install import InstallStep
from stepprove.outcome import Outcome

STYLES = {
    Outcome.PROVED: "green",
    Outcome.DISPROVED: "magenta",
    Outcome.FAILED: "red",
    Outcome.TIMEOUT: "yellow",
    Outcome.REJECTED: "red",
    Outcome.INFRASTRUCTURE: "yellow",
}
"""The style of each outcome."""


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
        self._last_words: str | None = None

    def __call__(self, step: InstallStep) -> None:
        """Show one step."""
        words = self._WORDS.get(step.name)
        if words is None:
            self.close(f"The embedded Lean is installed ({step.seconds:.0f} s).")
            return
        if not err.is_terminal:
            if words != self._last_words:
                err.print(words + " …")
                self._last_words = words
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
