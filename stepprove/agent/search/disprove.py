"""Disproof: a proof of a goal's negation, most often a counterexample among small values.

The engine turns a hole into the state `⊢ ¬∀ hypotheses, target`. A tactic that closes this state yields a term that the kernel
has checked, with its axioms; the outcome `disproved` needs both.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import product

from stepprove.agent.search.closing_tactics import DISPROOF
from stepprove.agent.search.goal import Goal, Hypothesis, is_proposition, parse_goal
from stepprove.agent.search.script import block
from stepprove.agent.search.terms.experiments import counterexamples
from stepprove.lean_project.gate.gate import STANDARD_AXIOMS
from stepprove.lean_project.messages import COMPLETED
from stepprove.lean_project.repl.protocol import ErrorResponse
from stepprove.lean_project.repl.repl import Repl, ReplTimeout

_STEP_SECONDS = 3.0
_MOST_TRIES = 120
_MOST_FOUND = 3
_VALUES = {
    "Nat": ("0", "1", "2", "3", "4", "5", "7", "10"),
    "Int": ("0", "1", "(-1)", "2", "(-2)", "3", "(-3)", "5"),
    "Bool": ("true", "false"),
    "Prop": ("True", "False"),
}
_VALUES |= {"ℕ": _VALUES["Nat"], "ℤ": _VALUES["Int"]}
_HYPOTHESIS = "(by first | decide | omega | simp)"
_CONTRADICTIONS = ("first | (revert hc; decide) | omega", "first | (simp at hc; done) | grind")
"""The cheap one is tried on all values before the expensive one."""


@dataclass(frozen=True, slots=True)
class Disproof:
    """The result of an attempt; `script` proves the negation if `found`."""

    found: bool
    script: tuple[str, ...] = ()
    found_by: str = ""
    counterexample: str | None = None
    """For example "x = 0, y = 1"."""


NOTHING = Disproof(False)


def disprove(
    repl: Repl,
    open_root: Callable[[], tuple[int, tuple[str, ...]]],
    budget_seconds: float,
    *,
    cancelled: Callable[[], bool] = lambda: False,
    axioms: Collection[str] = STANDARD_AXIOMS,
) -> Disproof:
    """Search for a proof that a goal with all its hypotheses is false.

    Only the embedded engine can negate a state; with another engine the result is empty.

    Args:
        repl: the Lean process.
        open_root: makes the goal's proof state; returns its number and goals.
        budget_seconds: the time limit.
        cancelled: stops the search once it returns true.
        axioms: the allowed axioms.

    Raises:
        ReplFailure: Lean failed, other than by a time-out of a step.
    """
    if not repl.supports_inspect:
        return NOTHING
    negation = _Negation(repl, open_root)
    goal = negation.open()
    if goal is None:
        return NOTHING
    # Only now: a restart of Lean does not count as time of the search.
    deadline = time.monotonic() + budget_seconds
    for tactic, found_by, example in candidates(goal):
        left = deadline - time.monotonic()
        if cancelled() or left <= 0:
            return NOTHING
        if negation.closes(block(tactic), min(_STEP_SECONDS, left), axioms):
            return Disproof(True, tuple(tactic.splitlines()), found_by, example)
    return NOTHING


class _Negation:
    """The proof state `⊢ ¬∀ hypotheses, target` of a hole, made again after a restart of Lean."""

    def __init__(self, repl: Repl, open_root: Callable[[], tuple[int, tuple[str, ...]]]) -> None:
        self._repl = repl
        self._open_root = open_root
        self._state: int | None = None
        self._generation = -1

    def open(self) -> Goal | None:
        """Make the state; return the goal that it negates, or None if Lean cannot negate it."""
        self._state = None  # the number of a lost process could name any goal of the next one
        number, _ = self._open_root()
        step = self._repl.tactic(number, "intros", timeout=_STEP_SECONDS)
        if isinstance(step, ErrorResponse):
            step = self._repl.tactic(number, "skip", timeout=_STEP_SECONDS)
        if isinstance(step, ErrorResponse) or len(step.goals) != 1:
            return None
        answer = self._repl.request({"negate": step.proof_state}, timeout=_STEP_SECONDS)
        self._state = answer.get("proofState")
        self._generation = self._repl.generation
        return None if self._state is None else parse_goal(step.goals[0])

    def closes(self, tactic: str, seconds: float, axioms: Collection[str]) -> bool:
        """Return whether a tactic proves the negation on these axioms."""
        try:
            if self._repl.generation != self._generation:
                self.open()
            if self._state is None:
                return False
            answer = self._repl.request(
                {"tactic": tactic, "proofState": self._state, "axioms": True}, timeout=seconds
            )
        except ReplTimeout:
            return False
        return answer.get("proofStatus") == COMPLETED and set(answer.get("axioms", ("?",))) <= set(axioms)


def candidates(goal: Goal) -> Iterator[tuple[str, str, str | None]]:
    """Yield tactics that may prove a goal's negation, the cheap ones first: (tactic, its description, its counterexample)."""
    if not goal.hypotheses:
        for tactic in DISPROOF:
            yield tactic, tactic, None
        return
    for contradiction in _CONTRADICTIONS:
        for values in _assignments(goal):
            arguments = " ".join(v for _, v in values)
            example = ", ".join(f"{h.name} = {v.strip('()')}" for h, v in values if v != _HYPOTHESIS)
            tactic = f"intro h\nhave hc := h {arguments}\n{contradiction}"
            yield tactic, f"counterexample: {example}" if example else "contradiction", example or None
    for tactic in DISPROOF:
        yield tactic, tactic, None


def _assignments(goal: Goal) -> Iterator[list[tuple[Hypothesis, str]]]:
    """Yield an argument for each hypothesis, small values first; a proposition gets a proof in place."""
    types: dict[str, str] = {}
    choices: list[tuple[str, ...]] = []
    for hypothesis in goal.hypotheses:
        kind = types.get(hypothesis.type, hypothesis.type)
        if kind in {"Type", "Type u_1"}:
            types[hypothesis.name] = "Bool"
            choices.append(("Bool",))
        else:
            choices.append(_values(hypothesis, kind))
    for found in counterexamples(goal)[:_MOST_FOUND]:  # the values of an experiment come first
        yield [
            (h, _numeral(found[h.name]) if h.name in found else choices[i][0])
            for i, h in enumerate(goal.hypotheses)
        ]
    ranked = sorted(product(*(range(len(c)) for c in choices[:6])), key=sum) if len(choices) <= 6 else []
    if not ranked:  # many hypotheses: vary one at a time
        zero = [0] * len(choices)
        ranked = [tuple(zero)]
        for place, options in enumerate(choices):
            ranked += [(*zero[:place], k, *zero[place + 1 :]) for k in range(1, len(options))]
    for picks in ranked[:_MOST_TRIES]:
        yield [(h, choices[i][k]) for i, (h, k) in enumerate(zip(goal.hypotheses, picks, strict=True))]


def _numeral(value: int) -> str:
    return str(value) if value >= 0 else f"({value})"


def _values(hypothesis: Hypothesis, kind: str) -> tuple[str, ...]:
    if kind in _VALUES:
        return _VALUES[kind]
    if hypothesis.name.startswith("inst"):
        return ("inferInstance",)
    if hypothesis.term is not None and is_proposition(hypothesis.term):
        return (_HYPOTHESIS,)
    parts = [part.strip() for part in kind.split("→")]
    if len(parts) > 1 and all(part in _VALUES for part in parts):
        blanks = " ".join("_" for _ in parts[1:])
        constants = tuple(f"(fun {blanks} => {value})" for value in _VALUES[parts[-1]][:3])
        if len(parts) == 2 and parts[0] == parts[1]:
            shifted = ("(fun x => x + 1)",) if parts[0] in {"Nat", "Int", "ℕ", "ℤ"} else ()
            return ("(fun x => x)", *constants, *shifted)
        return constants
    element = kind.removeprefix("List ").strip()
    if kind.startswith("List ") and element in _VALUES:
        first, second = _VALUES[element][:2]
        return ("[]", f"[{first}]", f"[{second}]", f"[{second}, {first}]", f"[{first}, {second}]")
    return (_HYPOTHESIS,)
