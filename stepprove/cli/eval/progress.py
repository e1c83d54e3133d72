"""The progress of an evaluation: a bar on a terminal, a line for each attempt in a pipe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stepprove.cli.terminal.console import err, shown
from stepprove.cli.terminal.progress import STYLES, counting_bar

if TYPE_CHECKING:
    from stepprove.eval.records.record import Attempt
    from stepprove.eval.run import RunListener

_STYLES = {
    **{outcome.value: style for outcome, style in STYLES.items()},
    "equivalent": "green",
    "not-equivalent": "red",
    "ill-typed": "red",
}
"""The styles of the attempts' outcomes."""


@contextmanager
def showing_attempts(*, quiet: bool) -> Iterator[RunListener]:
    """Show the work as it goes: a bar on a terminal, a line for each attempt in a pipe."""
    from stepprove.eval.run import RunListener

    def say(line: str) -> None:
        err.print(shown(line), style="dim")

    if quiet:
        yield RunListener()
        return
    if not err.is_terminal:

        def begin(done: int, count: int) -> None:
            if done:
                say(f"{done} of {count} attempts are there already.")

        yield RunListener(say=say, begin=begin, attempt=lambda attempt: err.print(_line(attempt)))
        return
    from stepprove.eval.records.record import SUCCESSES

    counted: Counter[str] = Counter()
    with counting_bar() as bar:
        task = bar.add_task("Starting")

        def started(done: int, count: int) -> None:
            bar.update(task, description="Trying", completed=done, total=count)

        def made(attempt: Attempt) -> None:
            if attempt.outcome in SUCCESSES:
                counted[attempt.outcome] += 1
            bar.console.print(_line(attempt))
            counts = " ".join(f"{number} {ending}" for ending, number in counted.items())
            bar.update(task, advance=1, description=counts or "Trying")

        def checked(done: int, count: int) -> None:
            bar.update(task, description="What elaborates without Mathlib", completed=done, total=count)

        yield RunListener(say=say, checked=checked, begin=started, attempt=made)


def _line(attempt: Attempt) -> str:
    style = _STYLES[attempt.outcome]
    return (
        f"  [{style}]{attempt.outcome.value:<14}[/] [bold]{shown(attempt.problem)}[/] {attempt.epoch}  "
        f"{shown(attempt.reason)}  [dim]{attempt.seconds:.1f} s[/]"
    )
