"""A file in the hands of one Lean process: the environments along its chunks, found again after a restart."""

from __future__ import annotations

from collections.abc import Sequence

from stepprove.lean_project.repl.protocol import CommandResponse, ErrorResponse
from stepprove.lean_project.repl.repl import Repl, ReplFailure, ReplStateLost


class IncrementalFile:
    """The environments after each chunk of a text, elaborating only what differs from the last call.

    A chunk is elaborated in the environment that the chunk before it left, so `open`, `variable`, `namespace` and notation carry
    over as in the file. When Lean restarts, everything is elaborated anew on demand.
    """

    def __init__(self, repl: Repl, *, base: Sequence[str] = (), timeout: float | None = None) -> None:
        """`base` is elaborated first, from nothing: the file's imports, or a prelude. `timeout` is in seconds a chunk."""
        self.repl = repl
        self._base = tuple(base)
        self._timeout = timeout
        self._texts: list[str] = []
        self._answers: list[CommandResponse] = []
        self._generation = repl.generation

    def answers(self, chunks: Sequence[str]) -> list[CommandResponse]:
        """What Lean says of each chunk, in order. Raises ReplFailure when Lean cannot say."""
        wanted = [*self._base, *chunks]
        if self.repl.generation != self._generation:
            self._forget()
        same = 0
        while same < min(len(wanted), len(self._texts)) and wanted[same] == self._texts[same]:
            same += 1
        del self._texts[same:], self._answers[same:]
        for text in wanted[same:]:
            try:
                answer = self.repl.command(text, self._last(), timeout=self._timeout)
            except ReplStateLost:  # Lean was restarted under our feet
                self._forget()
                return self.answers(chunks)
            if isinstance(answer, ErrorResponse):
                raise ReplFailure(answer.message)
            self._generation = self.repl.generation
            self._texts.append(text)
            self._answers.append(answer)
        return self._answers[len(self._base) :]

    @property
    def reached(self) -> int | None:
        """How many chunks are elaborated: after a failure, the number of the one that failed; None if the base did."""
        return None if len(self._texts) < len(self._base) else len(self._texts) - len(self._base)

    def nothing(self) -> CommandResponse:
        """What Lean says of the last text of the base, before any chunk."""
        self.answers(())
        return self._answers[-1]

    def environment(self, chunks: Sequence[str]) -> int | None:
        """The environment that these chunks leave; None stands for Lean's own, before any import."""
        self.answers(chunks)
        return self._last()

    def _forget(self) -> None:
        self._texts, self._answers = [], []
        self._generation = self.repl.generation

    def _last(self) -> int | None:
        return self._answers[-1].env if self._answers else None
