"""The environments along a file's chunks in one Lean process, rebuilt after a restart."""

from __future__ import annotations

from collections.abc import Sequence

from stepprove.lean_project.repl.protocol import CommandResponse, ErrorResponse
from stepprove.lean_project.repl.repl import Repl, ReplFailure, ReplStateLost


class IncrementalFile:
    """The environment after each chunk of a text; a call elaborates only what differs from the last call.

    Each chunk is elaborated in the environment of the chunk before it, so `open`, `variable`, `namespace` and notation carry
    over as in the file. After a restart of Lean, the next call elaborates everything again.
    """

    def __init__(self, repl: Repl, *, base: Sequence[str] = (), timeout: float | None = None) -> None:
        """Create the environments of a file, with nothing elaborated yet.

        Args:
            repl: the Lean process.
            base: texts to elaborate first, from an empty environment: the file's imports, or a prelude.
            timeout: seconds for each chunk.
        """
        self.repl = repl
        self._base = tuple(base)
        self._timeout = timeout
        self._texts: list[str] = []
        self._answers: list[CommandResponse] = []
        self._generation = repl.generation

    def answers(self, chunks: Sequence[str]) -> list[CommandResponse]:
        """Elaborate chunks and return Lean's answer to each, in order.

        Raises:
            ReplFailure: Lean gave no answer.
        """
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
            except ReplStateLost:  # Lean was restarted
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
        """The number of elaborated chunks; after a failure, the number of the chunk that failed; None if the base failed."""
        return None if len(self._texts) < len(self._base) else len(self._texts) - len(self._base)

    def nothing(self) -> CommandResponse:
        """Return Lean's answer to the last text of the base."""
        self.answers(())
        return self._answers[-1]

    def environment(self, chunks: Sequence[str]) -> int | None:
        """Return the environment after these chunks; None is Lean's own, before any import."""
        self.answers(chunks)
        return self._last()

    def _forget(self) -> None:
        self._texts, self._answers = [], []
        self._generation = self.repl.generation

    def _last(self) -> int | None:
        return self._answers[-1].env if self._answers else None
