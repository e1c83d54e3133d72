"""The header of statements, elaborated once in a REPL process and again after a restart."""

from __future__ import annotations

from contextlib import suppress
from weakref import WeakKeyDictionary

from stepprove.lean_project.repl.protocol import CommandResponse
from stepprove.lean_project.repl.repl import Repl, ReplFailure


class ElaborationContext:
    """A REPL and the environment of a header in it.

    Args:
        repl: the process.
        header: imports, and any other text before every statement.
        timeout: seconds for each text.
    """

    def __init__(self, repl: Repl, header: str = "", *, timeout: float = 60.0) -> None:
        self.repl = repl
        self.header = header
        self.timeout = timeout
        self._env: tuple[int, int] | None = None  # (generation, environment)
        self._mathlib: bool | None = None
        self._made: list[tuple[int, int]] = []

    def env(self) -> int:
        """Return the environment after the header; raise ReplFailure."""
        if self._env is None or self._env[0] != self.repl.generation:
            answer = self.repl.elaborate(self.header, timeout=max(self.timeout, 300.0))
            if answer.has_errors:
                raise ReplFailure(f"the header does not elaborate: {answer.errors[0].data.splitlines()[0]}")
            self._env = (self.repl.generation, answer.env)
        return self._env[1]

    def elaborate(self, text: str) -> CommandResponse:
        """Elaborate a text after the header and return Lean's answer; raise ReplFailure."""
        answer = self.repl.elaborate(text, self.env(), timeout=self.timeout)
        self._made.append((self.repl.generation, answer.env))
        return answer

    def has_mathlib(self) -> bool:
        """Return whether the header provides Mathlib's tactics; raise ReplFailure."""
        if self._mathlib is None:
            self._mathlib = not self.elaborate("example : True := by tauto").has_errors
        return self._mathlib

    def forget(self) -> None:
        """Free the memory of all answers if the engine can."""
        if self.repl.supports_inspect:
            envs = [int(env) for generation, env in self._made if generation == self.repl.generation]
            with suppress(ReplFailure):  # a lost process has freed them already
                self.repl.request({"forget": {"envs": envs, "proofStates": []}}, timeout=self.timeout)
        self._made.clear()


class ElaborationContexts:
    """One header in many processes; the context of each is made on first use."""

    def __init__(self, header: str = "", *, timeout: float = 60.0) -> None:
        self.header, self.timeout = header, timeout
        self._known: WeakKeyDictionary[Repl, ElaborationContext] = WeakKeyDictionary()

    def __call__(self, repl: Repl) -> ElaborationContext:
        """Return the context of a process."""
        if (context := self._known.get(repl)) is None:
            context = self._known[repl] = ElaborationContext(repl, self.header, timeout=self.timeout)
        return context
