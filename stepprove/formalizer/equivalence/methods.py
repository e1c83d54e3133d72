"""The steps of BEq, BEqL and BEq+ in their order: scripts that may prove the target from the premise.

* `beq`, as StepFun-Formalizer scores it (Wu et al., arXiv 2508.04440, section on evaluation): `exact?` alone; it counts if
  the term names the premise. The heuristic at the start of BEq (Liu et al., ICLR 2025) is the same; `restricted.py` has the
  rest of BEq.
* `beql` (Poiroux et al., EMNLP 2025): the same after `intros` and `symm_saturate`.
* `beq+` (same paper): BEqL; then `apply` of the premise; then its conclusion as a hypothesis; then `convert`, 0 to 4 levels
  deep.

A step before `exact?` applies the premise to the target's own variables. `exact?` would find that term for a restatement, but it
searches the library first and answers with a lemma if the statement is one.

No step counts for a target that holds by computation, or is a hypothesis, unless it is the premise word for word: Lean computes
silently, and so takes `2 + 2 = 4` for `2 * 2 = 4`.

If the closing tactics prove the target without the premise, a proof that also mentions the premise shows no equivalence. For
such a target the published method skips the `have` step, and all further steps if `assumption` proves it. Here `convert` is
skipped, too. With the stronger stand-ins for Mathlib's tactics, `apply` is skipped as well (`MethodStep.unless`), unless it
leaves no variable of the premise open and the hypotheses do not contradict each other: then only the premise's hypotheses
remain to be proved. Neither `have` nor `convert` counts if the premise alone implies `False`, from which everything follows
(`MethodStep.refutable`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations, takewhile
from typing import Literal

from stepprove.formalizer.equivalence.closers import Closers, any_of

Method = Literal["beq", "beql", "beq+"]

COMPUTED = "(intros; first | rfl | assumption | decide +kernel)"
"""Proves a claim that holds by computation, or a hypothesis up to computation."""

_OPENING = "intros\nsymm_saturate\n"
_MOST_ORDERS = 24
_NORMAL_FORM = (
    "try simp only [gt_iff_lt, ge_iff_le, ne_eq, and_imp, exists_imp, not_exists, not_and, not_or, Classical.not_not,\n"
    "  Nat.not_lt, Nat.not_le, Int.not_lt, Int.not_le, Nat.pow_two, Int.pow_two]"
)
"""Rewrites connectives, and squares as products; statements that agree after it and `ac_nf` are equivalent unless trivial."""
_ALL_SAID = "all_goals show (_ : Prop)"
"""Fails if variables of the premise are still open."""
_HOLDING = """\
repeat specialize this (by first | assumption | omega | (simp_all; done) | grind)
fail_if_success with_reducible refine (fun (_ : ∀ x : _, _) => ?_) this"""
"""Proves the premise's hypotheses first; else the case in which they fail could be closed without the premise."""
_ITSELF = "first | done | exact this | (apply this <;> first | assumption | (and_intros <;> assumption))"


@dataclass(frozen=True, slots=True)
class MethodStep:
    """One script to try."""

    name: str
    script: str
    unless: str | None = None
    """The step does not count if these tactics prove the target without the premise."""
    literal: str | None = None
    """The step counts even then if this script works: the same one, for a target that equals the premise word for word."""
    refutable: bool = True
    """The step counts even if the closing tactics prove `False` from the premise."""
    searches: bool = False
    """The step is `exact?`: its term decides, and only the clock may end it, because a limit on Lean's work would stop it
    silently.
    """


@dataclass(frozen=True, slots=True)
class ContextVariable:
    """A line of a goal's context."""

    name: str
    type: str


def steps(
    method: Method, closers: Closers, premise: str, conclusion: str | None, goal: str
) -> Iterator[MethodStep]:
    """Yield the scripts of a method.

    Args:
        method: the method.
        closers: the available closing tactics.
        premise: the name of the premise.
        conclusion: the premise's conclusion as written; None if it has no binders of its own.
        goal: the target's goal as Lean prints it.
    """
    opening = "" if method == "beq" else _OPENING
    context = hypotheses(goal)
    every = " ".join(h.name if usable(h.name) else "‹_›" for h in context)
    literal = _literal(premise, context)
    yield MethodStep("restatement", f"exact @{premise} {every}".rstrip(), COMPUTED, literal=literal)
    yield MethodStep("exact?", f"{opening}exact?", COMPUTED, searches=True)
    if method != "beq+":
        return
    if not closers.published:
        opening = "intros\n"  # their simp set turns round for ever on an equation and its mirror image
    unless = f"{opening}{closers.prove_all(closers.alone)}"
    finish = closers.prove_all(closers.after_apply)
    trivial = f"{opening}{COMPUTED}" if closers.published else unless
    yield MethodStep("apply", f"{opening}apply {premise}\n{finish}", trivial)
    if not closers.published:
        quick = [tactic for tactic in closers.after_apply if tactic != "exact?"]  # it looks long for `False`
        vacuous = f"{opening}first | {COMPUTED} | (exfalso; {any_of(quick)})"
        script = f"{opening}apply {premise}\n{_ALL_SAID}\n{closers.prove_all(quick)}"
        yield MethodStep("apply (variables given)", script, vacuous)
    with_it = closers.prove_all(closers.with_hypothesis)
    if conclusion is not None:
        claim = "\n    ".join(conclusion.split("\n"))
        inner = "\n".join(f"  {line}" for line in f"apply_rules [{premise}]\n{finish}".split("\n"))
        yield MethodStep(
            "have", f"{opening}have : {claim} := by\n{inner}\n{with_it}", unless, refutable=False
        )
    if closers.published:
        for depth in range(5):
            script = f"{opening}convert (config := .unfoldSameFun) {premise} using {depth}\n{finish}"
            yield MethodStep(f"convert using {depth}", script, unless, refutable=False)
        return
    turned = "".join(
        f"revert {h.name}\n" for h in reversed(context) if usable(h.name) and _proposition(h.type)
    )
    normal = f"{turned}{_NORMAL_FORM}\nintros\n"
    for known in instances(premise, context):
        script = f"{normal}have this := {known}\n{_NORMAL_FORM} at this\ntry ac_nf at *\n{_ITSELF}"
        without = f"{normal}try ac_nf at *\nfirst | done | rfl | assumption"
        yield MethodStep("convert (stand-in: normal form)", script, without)
    for known in instances(premise, context):
        script = f"{opening}have this := {known}\n{_HOLDING}\n{any_of(closers.with_hypothesis)}"
        yield MethodStep("convert (stand-in: hypothesis)", script, unless, refutable=False)


def _literal(premise: str, context: tuple[ContextVariable, ...]) -> str:
    """Return a script that proves a target equal to the premise up to names.

    The second form keeps leading type variables, because Lean needs them to infer the premise's universes.
    """
    named = [h for h in context if usable(h.name)]
    types = list(takewhile(lambda h: re.match(r"(Type|Sort)\b", h.type), named))
    forms = []
    for kept in ([], types):
        turned = " ".join(h.name for h in named[len(kept) :])
        applied = " ".join([f"@{premise}", *(h.name for h in kept)])
        revert = f"revert {turned}; " if turned else ""
        forms.append(f"({revert}guard_target =ₐ type_of% ({applied}); exact {applied})")
    return "first | " + " | ".join(forms)


def refutation(closers: Closers, premise: str) -> str:
    """Return a script that proves `False` from the premise if the closing tactics can."""
    return f"have this := @{premise}\n{any_of(closers.with_hypothesis)}"


def instances(premise: str, context: tuple[ContextVariable, ...]) -> Iterator[str]:
    """Yield the premise, then the premise applied to the target's variables in their order and in other orders that their
    types allow.
    """
    yield f"@{premise}"
    data = [h for h in context if usable(h.name) and not _proposition(h.type)]
    seen = set()
    for order in list(permutations(data))[:_MOST_ORDERS] if len(data) <= 4 else [tuple(data)]:
        if [h.type for h in order] == [h.type for h in data] and order and order not in seen:
            seen.add(order)
            yield f"{premise} {' '.join(h.name for h in order)}"


def hypotheses(goal: str) -> tuple[ContextVariable, ...]:
    """Parse the context of a goal as Lean prints it, one entry a variable."""
    variables: list[ContextVariable] = []
    for line in goal.split("\n"):
        if line.startswith("⊢"):
            break
        if line.startswith(" ") and variables:  # a type that goes on
            variables[-1] = ContextVariable(variables[-1].name, f"{variables[-1].type} {line.strip()}")
        elif " : " in line:
            names, _, kind = line.partition(" : ")
            variables += [ContextVariable(name, kind.partition(" := ")[0].strip()) for name in names.split()]
    return tuple(variables)


def usable(name: str) -> bool:
    """Return whether a script can write a variable's name."""
    return "✝" not in name


def _proposition(kind: str) -> bool:
    """Return whether a type looks like a proposition, not like a type of data."""
    return re.search(r"[=≠<>≤≥∧∨¬∣↔∃∀∈]|\bTrue\b|\bFalse\b", kind) is not None
