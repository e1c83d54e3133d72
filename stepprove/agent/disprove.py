"""Show that a goal is false: a proof of its negation, most often a counterexample among small values.

The engine turns a hole into the state `⊢ ¬∀ hypotheses, target`. Whatever closes that state is a term that the kernel has
checked, and the axioms it rests on come with it; nothing is called disproved on the word of a tactic.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from stepprove.agent.goal import Goal, Hypothesis, is_proposition, parse_goal
from stepprove.agent.search import block
from stepprove.lean_project.gate import STANDARD_AXIOMS
from stepprove.lean_project.protocol import ErrorResponse, ProofStepResponse
from stepprove.lean_project.repl import Repl, ReplTimeout

_STEP_SECONDS = 3.0
_MOST_TRIES = 300
_OUTRIGHT = ("decide", "simp", "omega", "grind")
_VALUES = {
    "Nat": ("0", "1", "2", "3", "4", "5", "7", "10"),
    "Int": ("0", "1", "(-1)", "2", "(-2)", "3", "(-3)", "5"),
    "Bool": ("true", "false"),
    "Prop": ("True", "False"),
}
_VALUES |= {"ℕ": _VALUES["Nat"], "ℤ": _VALUES["Int"]}
_HYPOTHESIS = "(by first | decide | omega | simp)"
_CONTRADICTION = "first | (revert hc; decide) | omega | (simp at hc; done) | grind"


@dataclass(frozen=True, slots=True)
class Disproof:
    """What became of the attempt; `script` proves the negation when `found`."""

    found: bool
    script: tuple[str, ...] = ()
    found_by: str = ""
    counterexample: str | None = None
    """Such as "x = 0, y = 1"."""


NOTHING = Disproof(False)


def disprove(
    repl: Repl,
    open_root: Callable[[], tuple[int, tuple[str, ...]]],
    budget_seconds: float,
    *,
    cancelled: Callable[[], bool] = lambda: False,
    axioms: Collection[str] = STANDARD_AXIOMS,
) -> Disproof:
    """Look for a proof that the goal of `open_root()`, with all its hypotheses, is false.

    Only the embedded engine can negate a state; with another there is nothing to find. Raises ReplFailure when Lean fails
    other than by running out of time on a step.
    """
    deadline = time.monotonic() + budget_seconds

    def negated() -> tuple[int, Goal] | None:
        number, _ = open_root()
        introduced = repl.tactic(number, "intros", timeout=_STEP_SECONDS)
        if isinstance(introduced, ProofStepResponse) and len(introduced.goals) == 1:
            number, goal = introduced.proof_state, introduced.goals[0]
        else:
            skipped = repl.tactic(number, "skip", timeout=_STEP_SECONDS)
            if isinstance(skipped, ErrorResponse) or len(skipped.goals) != 1:
                return None
            goal = skipped.goals[0]
        answer = repl.request({"negate": number}, timeout=_STEP_SECONDS)
        state = answer.get("proofState")
        return None if state is None else (int(state), parse_goal(goal))

    def closes(tactic: str) -> bool | None:
        """Whether a tactic proves the negation; None when there is no state to try it on."""
        nonlocal start
        try:
            if start is None or repl.generation != generation:
                return None
            left = min(_STEP_SECONDS, deadline - time.monotonic())
            answer: dict[str, Any] = repl.request(
                {"tactic": tactic, "proofState": start[0], "axioms": True}, timeout=max(left, 0.1)
            )
        except ReplTimeout:
            start = None
            return False
        return answer.get("proofStatus") == "Completed" and set(answer.get("axioms", ("?",))) <= set(axioms)

    start = negated()
    if start is None:
        return NOTHING
    generation = repl.generation
    goal = start[1]
    candidates: Iterator[tuple[str, str, str | None]] = _candidates(goal)
    for tactic, found_by, example in candidates:
        if cancelled() or time.monotonic() > deadline:
            return NOTHING
        if start is None or repl.generation != generation:
            start = negated()
            generation = repl.generation
            if start is None:
                return NOTHING
        if closes(block(tactic)):
            return Disproof(True, tuple(tactic.splitlines()), found_by, example)
    return NOTHING


def _candidates(goal: Goal) -> Iterator[tuple[str, str, str | None]]:
    """(tactic, what it is, the counterexample it shows), the cheap ones first."""
    if not goal.hypotheses:
        for tactic in _OUTRIGHT:
            yield tactic, tactic, None
        return
    for values in _assignments(goal):
        arguments = " ".join(v for _, v in values)
        example = ", ".join(f"{h.name} = {v.strip('()')}" for h, v in values if v != _HYPOTHESIS)
        tactic = f"intro h\nhave hc := h {arguments}\n{_CONTRADICTION}"
        yield tactic, f"counterexample: {example}" if example else "contradiction", example or None
    for tactic in _OUTRIGHT:
        yield tactic, tactic, None


def _assignments(goal: Goal) -> Iterator[list[tuple[Hypothesis, str]]]:
    """An argument for each hypothesis, small values first; propositions are proved where they stand."""
    types: dict[str, str] = {}
    choices: list[tuple[str, ...]] = []
    for hypothesis in goal.hypotheses:
        kind = types.get(hypothesis.type, hypothesis.type)
        if kind in {"Type", "Type u_1"}:
            types[hypothesis.name] = "Bool"
            choices.append(("Bool",))
        else:
            choices.append(_values(hypothesis, kind))
    ranked = sorted(product(*(range(len(c)) for c in choices[:6])), key=sum) if len(choices) <= 6 else []
    if not ranked:  # many hypotheses: change one at a time
        zero = [0] * len(choices)
        ranked = [tuple(zero)]
        for place, options in enumerate(choices):
            ranked += [tuple([*zero[:place], k, *zero[place + 1 :]]) for k in range(1, len(options))]
    for picks in ranked[:_MOST_TRIES]:
        yield [(h, choices[i][k]) for i, (h, k) in enumerate(zip(goal.hypotheses, picks, strict=True))]


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
