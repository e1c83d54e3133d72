"""Tactic steps on proof states that survive the loss of the Lean process.

A `State` records its parent and its tactic, so that it can be made again after a kill (by a runaway tactic) has lost all proof
states of the engine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from stepprove.lean_project.repl.protocol import ErrorResponse, ProofStepResponse
from stepprove.lean_project.repl.repl import Repl, ReplFailure, ReplStateLost, ReplTimeout

StepStatus = Literal["ok", "error", "timeout", "infrastructure"]


@dataclass(frozen=True, eq=False)
class State:
    """A proof state: its goals, and the tactic that led here from `parent` (None at the root)."""

    goals: tuple[str, ...]
    parent: State | None = None
    tactic: str = ""


@dataclass(frozen=True)
class StepResult:
    """The result of a tactic; only "ok" and "error" are Lean's verdict on it."""

    status: StepStatus
    state: State | None = None
    messages: tuple[str, ...] = ()
    seconds: float = 0.0
    goals: tuple[str, ...] = field(default=())


class TacticRunner(Protocol):
    """Runs tactics on states."""

    def root(self) -> State:
        """Return the state that the search starts from; raise ReplFailure."""

    def run(self, state: State, tactic: str, timeout: float) -> StepResult:
        """Run a tactic on the first goal of a state, for at most `timeout` seconds."""


class ReplSession:
    """Tactic steps over a `Repl`.

    Args:
        repl: the engine.
        open_root: makes the first proof state and returns its number and goals, at the start and after
            each loss of the engine; it raises ReplFailure if it cannot.
    """

    def __init__(self, repl: Repl, open_root: Callable[[], tuple[int, tuple[str, ...]]]) -> None:
        self._repl = repl
        self._open_root = open_root
        self._numbers: dict[State, tuple[int, int]] = {}  # state: (generation, proof state number)
        self._root: State | None = None

    def root(self) -> State:
        """Return the state that the search starts from."""
        if self._root is None:
            number, goals = self._open_root()
            self._root = State(goals)
            self._numbers[self._root] = (self._repl.generation, number)
        return self._root

    def run(self, state: State, tactic: str, timeout: float) -> StepResult:
        """Run a tactic on the first goal of `state`; every failure is a StepResult."""
        started = time.monotonic()
        try:
            answer = self._step(state, tactic, timeout)
        except ReplTimeout:
            return StepResult("timeout", seconds=time.monotonic() - started)
        except ReplFailure as failure:
            return StepResult("infrastructure", messages=(str(failure),), seconds=time.monotonic() - started)
        seconds = time.monotonic() - started
        if isinstance(answer, ErrorResponse):
            return StepResult("error", messages=(answer.message,), seconds=seconds)
        errors = tuple(m.data for m in answer.messages if m.severity == "error")
        if errors or answer.sorries:
            return StepResult("error", messages=errors or ("the step leaves a sorry",), seconds=seconds)
        result = State(tuple(answer.goals), state, tactic)
        self._numbers[result] = (self._repl.generation, answer.proof_state)
        infos = tuple(m.data for m in answer.messages if m.severity == "info")
        return StepResult("ok", result, messages=infos, seconds=seconds, goals=result.goals)

    def _step(self, state: State, tactic: str, timeout: float) -> ProofStepResponse | ErrorResponse:
        number = self._number(state)
        try:
            return self._repl.tactic(number, tactic, timeout=timeout)
        except ReplStateLost:  # the engine died between two requests
            return self._repl.tactic(self._number(state), tactic, timeout=timeout)

    def _number(self, state: State) -> int:
        """Return the state's number in the living engine; replay its tactics if the engine lost it."""
        numbered = self._numbers.get(state)
        if numbered is not None and numbered[0] == self._repl.generation:
            return numbered[1]
        if state.parent is None:
            number, _ = self._open_root()
        else:
            answer = self._repl.tactic(self._number(state.parent), state.tactic, timeout=_REPLAY_SECONDS)
            if isinstance(answer, ErrorResponse):
                raise ReplFailure(f"a step that worked before failed on replay: {answer.message}")
            number = answer.proof_state
        self._numbers[state] = (self._repl.generation, number)
        return number


_REPLAY_SECONDS = 30.0
