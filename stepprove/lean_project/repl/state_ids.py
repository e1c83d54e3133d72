"""The numbers of environments and proof states, and the processes of one `Repl` that gave them out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepprove.lean_project.repl.errors import ReplStateLost
from stepprove.lean_project.repl.protocol import StateId

__all__ = ["StateIds"]

_ENVIRONMENT = "environment"
_PROOF_STATE = "proof state"

# The fields of a request that name a state. The last five are the embedded engine's.
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
    """A record of the state numbers that the processes of one `Repl` gave out.

    It refuses a number with a process (`StateId`) if that process is lost, and a bare number if only a lost process can have
    given it out. Lean judges the rest.
    """

    def __init__(self) -> None:
        self._losses: dict[int, str] = {}  # the reason for each loss, by the process's number
        self._last_loss = ""
        # The highest number of each kind that this process, and that any before it, gave out.
        self._given = {_ENVIRONMENT: -1, _PROOF_STATE: -1}
        self._given_before = dict(self._given)

    def lose(self, process: int, reason: str) -> None:
        """Record the loss of a process and of all its states."""
        self._losses[process] = self._last_loss = reason
        for kind, number in self._given.items():
            self._given_before[kind] = max(self._given_before[kind], number)
            self._given[kind] = -1

    def require(self, payload: Mapping[str, Any], process: int | None) -> None:
        """Check that every state in a request belongs to this process.

        Raises:
            ReplStateLost: a state belongs to a lost process.
            ValueError: a state belongs to another `Repl`.
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
            # The process numbers states in the order of the list.
            match answer.get(field):
                case [*_, {"proofState": int(last)}]:
                    self._remember(_PROOF_STATE, last)

    def _remember(self, kind: str, number: int) -> None:
        """Raise the highest number of a kind."""
        self._given[kind] = max(self._given[kind], number)
