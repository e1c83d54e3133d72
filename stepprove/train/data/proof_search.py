"""Search a proof of a generated theorem, and record the failed scripts."""

from __future__ import annotations

import random
from dataclasses import dataclass

from stepprove.agent.search.goal import parse_goal
from stepprove.agent.search.script import block
from stepprove.agent.search.session import ReplSession
from stepprove.lean_project.repl.protocol import ErrorResponse
from stepprove.lean_project.repl.repl import Repl, ReplFailure
from stepprove.train.data.tactic_scripts import Script, scripts
from stepprove.train.data.theorems import Theorem

SCRIPT_SECONDS = 4.0
"""Seconds for one script; slower ones are not worth learning."""
MOST_SCRIPTS = 60
"""Most scripts tried on a theorem."""


@dataclass(frozen=True, slots=True)
class ScriptSearch:
    """The result of a search."""

    failed: tuple[Script, ...]
    """Scripts with errors or open goals, in order."""
    found: Script | None
    """The script that closed the goal."""
    untried: tuple[Script, ...] = ()
    """Scripts that the search would have tried next."""


def solve(repl: Repl, theorem: Theorem, rng: random.Random) -> ScriptSearch | None:
    """Try scripts on the theorem's goal until one closes it.

    Args:
        repl: Lean.
        theorem: the theorem.
        rng: orders the scripts.

    Returns:
        The search; a script that timed out is neither found nor failed. None when the statement does not elaborate.

    Raises:
        ReplFailure: Lean is not available.
    """

    def open_root() -> tuple[int, tuple[str, ...]]:
        env = None
        if theorem.definitions:
            before = repl.command(theorem.definitions)
            if isinstance(before, ErrorResponse) or before.has_errors:
                raise _Unreadable
            env = before.env
        answer = repl.command(f"{theorem.statement} by\n  sorry", env)
        if isinstance(answer, ErrorResponse) or answer.has_errors or not answer.sorries:
            raise _Unreadable
        (sorry,) = answer.sorries
        if sorry.proof_state is None:
            raise ReplFailure("Lean shows no proof state")
        return sorry.proof_state, (sorry.goal,)

    session = ReplSession(repl, open_root)
    try:
        root = session.root()
    except _Unreadable:
        return None
    failed: list[Script] = []
    todo = scripts(parse_goal(root.goals[0]), defined(theorem), rng)[:MOST_SCRIPTS]
    for place, script in enumerate(todo):
        step = session.run(root, block(script.text), SCRIPT_SECONDS)
        if step.status == "infrastructure":
            raise ReplFailure("; ".join(step.messages))
        if step.status == "ok" and step.state is not None and not step.state.goals:
            return ScriptSearch(tuple(failed), script, tuple(todo[place + 1 :]))
        if step.status != "timeout":
            failed.append(script)
    return ScriptSearch(tuple(failed), None)


class _Unreadable(Exception):
    """The statement does not elaborate."""


def defined(theorem: Theorem) -> tuple[str, ...]:
    """Return the names that a theorem's definitions declare."""
    return tuple(line.split()[1] for line in theorem.definitions.splitlines() if line.startswith("def "))
