"""Which environments and proof states are still there, when processes come and go under one `Repl`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepprove.lean_project.repl.errors import ReplStateLost
from stepprove.lean_project.repl.protocol import StateId

__all__ = ["StateIds"]

_ENVIRONMENT = "environment"
_PROOF_STATE = "proof state"

# Which fields of a request name a state. The last five are the embedded engine's.
_FIELDS = {
    "env": _ENVIRONMENT,
    "proofState": _PROOF_STATE,
    "negate": _PROOF_STATE,
    "inspect": _ENVIRONMENT,
    "against": _ENVIRONMENT,
    "export": _ENVIRONMENT,
    "texts": _ENVIRONMENT,
}


class StateIds:
    """A record of the state numbers that processes gave out.

    A number that carries its process (`StateId`) is judged by that. A bare one is refused where only a lost
    process can have given it out; Lean judges the rest.
    """

    def __init__(self) -> None:
        self._losses: dict[int, str] = {}  # why each process was given up, by its number
        self._last_loss = ""
        # The highest number of each kind that this process, and that any before it, gave out.
        self._given = {_ENVIRONMENT: -1, _PROOF_STATE: -1}
        self._given_before = dict(self._given)

    def lose(self, process: int, reason: str) -> None:
        """Record that a process is gone, and all its states with it."""
        self._losses[process] = self._last_loss = reason
        for kind, number in self._given.items():
            self._given_before[kind] = max(self._given_before[kind], number)
            self._given[kind] = -1

    def require(self, payload: Mapping[str, Any], process: int | None) -> None:
        """Check that the states which a request names are of this process.

        Raises:
            ReplStateLost: one was of a process that is gone.
            ValueError: one is of another `Repl`.
        """
        for field, kind in _FIELDS.items():
            number = payload.get(field)
            if not isinstance(number, int):
                continue
            if isinstance(number, StateId) and number.process:
                if number.process == process:
                    continue
                if number.process not in self._losses:
                    raise ValueError(f"{kind} {number} belongs to another Repl")
                reason = self._losses[number.process]
            elif self._given[kind] < number <= self._given_before[kind]:
                reason = self._last_loss
            else:
                continue
            raise ReplStateLost(f"{kind} {number} was lost when Lean restarted ({reason})")

    def note(self, answer: dict[str, Any], process: int) -> None:
        """Tag the state numbers at the top of an answer with their process, and remember the highest."""
        for field in ("env", "proofState"):
            if isinstance(answer.get(field), int):
                answer[field] = StateId(answer[field], process)
                self._remember(_FIELDS[field], answer[field])
        for field in ("sorries", "tactics"):
            # Numbers are given out in the order of the list.
            match answer.get(field):
                case [*_, {"proofState": int(last)}]:
                    self._remember(_PROOF_STATE, last)

    def _remember(self, kind: str, number: int) -> None:
        """Raise the highest number of a kind."""
        self._given[kind] = max(self._given[kind], number)
