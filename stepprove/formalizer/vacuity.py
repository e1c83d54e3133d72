"""Vacuous statements: contradictory hypotheses, trivially true or false claims.

A vacuous statement may still be the intended one: an easy theorem may be all that the problem asks.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

from pydantic import BaseModel, ConfigDict

from stepprove.formalizer.equivalence.elaboration_context import ElaborationContext
from stepprove.formalizer.equivalence.methods import ContextVariable, hypotheses, usable
from stepprove.lean_project.gate.gate import judge
from stepprove.outcome import Outcome

_EXCLUDED = "intros\nexfalso\nfirst | assumption | contradiction | omega | (simp_all; done) | grind"
_OUTRIGHT = "intros\nfirst | trivial | decide"
_REFUTED = "first | decide | (simp; done) | omega | grind"
_VALUES = {"Nat": ("0", "1", "2", "5"), "Int": ("0", "1", "(-1)", "2")}
_VALUES |= {"ℕ": _VALUES["Nat"], "ℤ": _VALUES["Int"]}
_MOST_VALUES = 24
_CONTRADICTS = "first | (revert hc; decide) | omega | (simp_all; done)"


class Vacuity(BaseModel):
    """The facts that Lean could prove about a statement."""

    model_config = ConfigDict(frozen=True)

    contradictory: bool = False
    """Its hypotheses imply `False`."""
    outright: bool = False
    """`trivial` or `decide` proves it alone."""
    refuted: bool = False
    """Lean proved its negation."""
    unknown: bool = False
    """One of the attempts ran out of time."""

    @property
    def empty(self) -> str | None:
        """Return the reason to drop the statement; None without one."""
        if self.contradictory:
            return "its hypotheses contradict each other"
        return "its negation is provable" if self.refuted else None

    @property
    def warning(self) -> str | None:
        """Return a warning for the user, or None."""
        return "`trivial` or `decide` proves it" if self.outright else None


ProofCheck = Callable[[str, str, str], bool | None]
"""Maps (text with `sorry`, text with a proof, the theorem's full name) to whether the proof is valid; None after a time-out."""


def gate_check(context: ElaborationContext) -> ProofCheck:
    """Return proof checks by the trust gate in an elaboration context; they raise ReplFailure if Lean gives no answer."""

    def trial(original: str, candidate: str, target: str) -> bool | None:
        judgement = judge(
            context.repl, original, candidate, env=context.env(), targets={target}, timeout=context.timeout
        )
        late = judgement.outcome in (Outcome.TIMEOUT, Outcome.INFRASTRUCTURE)
        return None if late else judgement.accepted

    return trial


def vacuity(trial: ProofCheck, text: str, name: str, goal: str) -> Vacuity:
    """Try to prove a contradiction from a statement's hypotheses, the statement, and its negation.

    Args:
        trial: checks a proof.
        text: ends in the statement and `:= by sorry`.
        name: the statement's full name.
        goal: its goal as Lean prints it.
    """
    late = False

    def tried(original: str, candidate: str, target: str) -> bool:
        nonlocal late
        verdict = trial(original, candidate, target)
        late = late or verdict is None
        return bool(verdict)

    def proved(script: str) -> bool:
        return tried(text, text.removesuffix("sorry") + _indented(script), name)

    denial = f"{text}\ntheorem _denial : ¬ (type_of% @{name}) := by "
    contradictory = not goal.rstrip().endswith("⊢ False") and proved(_EXCLUDED)
    outright = not contradictory and proved(_OUTRIGHT)
    scripts = () if contradictory or outright else (_REFUTED, *_counterexamples(goal))
    refuted = any(tried(f"{denial}sorry\n", f"{denial}{_indented(s)}", "_denial") for s in scripts)
    return Vacuity(contradictory=contradictory, outright=outright, refuted=refuted, unknown=late)


def _counterexamples(goal: str) -> tuple[str, ...]:
    """Return a script that tries small values for the variables, if all of them are numbers."""
    data = _numbers(hypotheses(goal))
    if not data:
        return ()
    tries = []
    for values in list(product(*(_VALUES[h.type] for h in data)))[:_MOST_VALUES]:
        tries.append(f"  | (have hc := h {' '.join(values)}; {_CONTRADICTS})")
    return ("intro h\nfirst\n" + "\n".join(tries),)


def _numbers(context: tuple[ContextVariable, ...]) -> list[ContextVariable]:
    """Return the leading variables of numeric type."""
    numbers = []
    for hypothesis in context:
        if hypothesis.type not in _VALUES or not usable(hypothesis.name):
            break
        numbers.append(hypothesis)
    return numbers


def _indented(script: str) -> str:
    return "\n" + "\n".join("  " + line for line in script.split("\n")) + "\n"
