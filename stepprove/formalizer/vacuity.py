"""Whether a statement says anything: hypotheses that exclude each other, claims that hold or fail at a glance.

None of it says whether the statement is the right one; a theorem that is easy to prove may be just what was asked for.
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
    """What Lean could prove of a statement."""

    model_config = ConfigDict(frozen=True)

    contradictory: bool = False
    """Its hypotheses give `False`."""
    outright: bool = False
    """`trivial` or `decide` proves it alone."""
    refuted: bool = False
    """Its negation was proved."""
    unknown: bool = False
    """Time ran out in one of the attempts."""

    @property
    def empty(self) -> str | None:
        """Why it is no statement to keep; None when nothing speaks against it."""
        if self.contradictory:
            return "its hypotheses contradict each other"
        return "its negation is provable" if self.refuted else None

    @property
    def warning(self) -> str | None:
        """What a person should know of it."""
        return "`trivial` or `decide` proves it" if self.outright else None


ProofCheck = Callable[[str, str, str], bool | None]
"""Of (text with `sorry`, text with a proof, the theorem's full name): whether it is a proof; None when time ran out."""


def gate_check(ground: ElaborationContext) -> ProofCheck:
    """Trials by the trust gate on a ground. They raise ReplFailure when Lean cannot be asked."""

    def trial(original: str, candidate: str, target: str) -> bool | None:
        judgement = judge(
            ground.repl, original, candidate, env=ground.env(), targets={target}, timeout=ground.timeout
        )
        late = judgement.outcome in (Outcome.TIMEOUT, Outcome.INFRASTRUCTURE)
        return None if late else judgement.accepted

    return trial


def vacuity(trial: ProofCheck, text: str, name: str, goal: str) -> Vacuity:
    """Try a statement's hypotheses, the statement and its negation.

    Args:
        trial: who says what is a proof.
        text: ends in the statement and `:= by sorry`.
        name: the statement's full name.
        goal: its goal as Lean prints it.
    """
    late = False

    def tried(original: str, candidate: str, target: str) -> bool:
        nonlocal late
        found = trial(original, candidate, target)
        late = late or found is None
        return bool(found)

    def proved(script: str) -> bool:
        return tried(text, text.removesuffix("sorry") + _indented(script), name)

    denial = f"{text}\ntheorem _denial : ¬ (type_of% @{name}) := by "
    contradictory = not goal.rstrip().endswith("⊢ False") and proved(_EXCLUDED)
    outright = not contradictory and proved(_OUTRIGHT)
    scripts = () if contradictory or outright else (_REFUTED, *_counterexamples(goal))
    refuted = any(tried(f"{denial}sorry\n", f"{denial}{_indented(s)}", "_denial") for s in scripts)
    return Vacuity(contradictory=contradictory, outright=outright, refuted=refuted, unknown=late)


def _counterexamples(goal: str) -> tuple[str, ...]:
    """One script that tries small values for the variables, where all of them are numbers."""
    data = _numbers(hypotheses(goal))
    if not data:
        return ()
    tries = []
    for values in list(product(*(_VALUES[h.type] for h in data)))[:_MOST_VALUES]:
        tries.append(f"  | (have hc := h {' '.join(values)}; {_CONTRADICTS})")
    return ("intro h\nfirst\n" + "\n".join(tries),)


def _numbers(context: tuple[ContextVariable, ...]) -> list[ContextVariable]:
    """The variables before the first hypothesis that is none of a number."""
    found = []
    for hypothesis in context:
        if hypothesis.type not in _VALUES or not usable(hypothesis.name):
            break
        found.append(hypothesis)
    return found


def _indented(script: str) -> str:
    return "\n" + "\n".join("  " + line for line in script.split("\n")) + "\n"
