"""Candidate tactic scripts for a goal; the search for training proofs tries them in Lean, and most fail.

Each script is short and has one idea: a closing tactic, a witness, an induction, the residues of a variable.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from stepprove.agent.search.closing_tactics import TRAINING_SCRIPTS
from stepprove.agent.search.goal import Goal

__all__ = ["Script", "scripts"]


@dataclass(frozen=True, slots=True)
class Script:
    """A tactic block with one idea."""

    plan: str
    """The idea in a few words."""
    text: str
    """Lines of the block, without indentation of its own."""
    rank: float
    """A lower rank comes earlier; people would try it first."""


_MOST_WITNESS = 20


def scripts(goal: Goal, definitions: Sequence[str], rng: random.Random) -> list[Script]:
    """Return different scripts for a goal in the order to try them: simple ones first, with some noise.

    Args:
        goal: the goal.
        definitions: names that the theorem's definitions declare.
        rng: the source of the noise.
    """
    by_text: dict[str, Script] = {}
    for script in _all(goal, definitions):
        by_text.setdefault(script.text, script)
    return sorted(by_text.values(), key=lambda s: s.rank + rng.uniform(0.0, 1.5))


def _all(goal: Goal, definitions: Sequence[str]) -> Iterator[Script]:
    for tactic in TRAINING_SCRIPTS:
        yield Script(tactic, tactic, 1.0)
    yield from _logic(goal)
    yield from _witnesses(goal)
    yield from _residues(goal)
    yield from _inductions(goal, definitions)
    yield from _truth_tables(goal)
    yield from _equations(goal)


def _numerals(goal: Goal) -> list[int]:
    words = [goal.target, *(h.type for h in goal.hypotheses)]
    return sorted({int(n) for w in words for n in re.findall(r"(?<![\w.])\d+", w)})


def _logic(goal: Goal) -> Iterator[Script]:
    if goal.target.startswith(("∀", "¬")) or "→" in goal.target:
        yield Script("intro, simp_all", "intro h\nsimp_all", 1.5)
        yield Script("intro, grind", "intro h\ngrind", 1.5)
    if "∧" in goal.target or "↔" in goal.target:
        yield Script("both parts, simp_all", "constructor <;> simp_all", 1.5)
        yield Script("both parts, grind", "constructor <;> grind", 1.6)
    if "∨" in goal.target:
        for side in ("left", "right"):
            yield Script(side, f"{side}\nsimp_all", 1.8)
    if "if " in goal.target:
        yield Script("split", "split <;> omega", 0.8)
    for h in goal.hypotheses:
        if not h.usable:
            continue
        if "∨" in h.type:
            yield Script(f"cases of {h.name}", f"rcases {h.name} with h | h <;> simp [h]", 1.2)
            yield Script(f"cases of {h.name}, omega", f"rcases {h.name} with h | h <;> omega", 1.2)
            yield Script(f"cases of {h.name}, subst", f"rcases {h.name} with rfl | rfl <;> decide", 1.2)
        if "∧" in h.type and "∀" not in h.type and "∃" not in h.type:
            yield Script(f"parts of {h.name}", f"exact ⟨{h.name}.2, {h.name}.1⟩", 2.0)
            yield Script(f"first of {h.name}", f"exact {h.name}.1", 2.0)
        if h.type.startswith("∃"):
            yield Script(f"open {h.name}", f"obtain ⟨w, hw⟩ := {h.name}\nexact ⟨w, by simp_all⟩", 1.4)


def _witnesses(goal: Goal) -> Iterator[Script]:
    if not goal.target.startswith("∃"):
        return
    names = goal.target.partition(",")[0].removeprefix("∃").split()
    if "true" in goal.target or "false" in goal.target:
        for truths in product(("true", "false"), repeat=len(names)):
            inside = ", ".join(truths)
            yield Script(f"witness {inside}", f"exact ⟨{inside}, rfl⟩", 1.0)
        for h in goal.hypotheses:
            if h.type == "Bool":
                for value in (h.name, f"!{h.name}"):
                    yield Script(f"witness {value}", f"exact ⟨{value}, by cases {h.name} <;> rfl⟩", 1.0)
        return
    if goal.variables:
        (v, *_) = goal.variables
        seen = [k for k in _numerals(goal) if k < 100]
        near = sorted({k + d for k in seen for d in (-1, 0, 1) if k + d >= 0} | {0, 1})
        values = [
            v,
            *(f"{v} + {k}" for k in near if k),
            *(f"{k} * {v}" for k in seen if k > 1),
            *map(str, near),
        ]
        for value in values:
            yield Script(f"witness {value}", f"exact ⟨{value}, by omega⟩", 1.2)
            yield Script(f"witness {value}, simp", f"exact ⟨{value}, by simp⟩", 2.0)
        return
    for number in range(-_MOST_WITNESS, _MOST_WITNESS + 1):
        yield Script(f"witness {number}", f"exact ⟨{number}, by decide⟩", 1.2)
    for name, _ in goal.facts:
        yield Script(f"witness from {name}", f"exact ⟨0, {name} 0⟩", 1.5)


def _residues(goal: Goal) -> Iterator[Script]:
    if "%" not in goal.target and "∣" not in goal.target:
        return
    moduli = [k for k in _numerals(goal) if 2 <= k <= 9]
    for v in goal.variables:
        kind, mod = ("Nat", "mod") if goal.is_natural(v) else ("Int", "emod")
        lemmas = f"{kind}.pow_succ, {kind}.mul_{mod}, {kind}.add_{mod}"
        divides = f"{kind}.dvd_iff_{mod}_eq_zero, " if "∣" in goal.target else ""
        for m in moduli:
            cases = " ∨ ".join(f"{v} % {m} = {r}" for r in range(m))
            names = " | ".join(["hr"] * m)
            yield Script(
                f"residues of {v} mod {m}",
                f"have hr : {cases} := by omega\nrcases hr with {names} <;> simp [{divides}{lemmas}, hr]",
                0.8,
            )
    for h in goal.hypotheses:
        if h.usable and "%" in h.type and goal.variables:
            kind = "Nat" if goal.is_natural(goal.variables[0]) else "Int"
            mod = "mod" if kind == "Nat" else "emod"
            yield Script(f"simp with {h.name}", f"simp [{kind}.pow_succ, {kind}.mul_{mod}, {h.name}]", 0.7)


def _inductions(goal: Goal, definitions: Sequence[str]) -> Iterator[Script]:
    named = ", ".join(d for d in definitions if re.search(rf"\b{re.escape(d)}\b", goal.target))
    with_named = f" [{named}]" if named else ""
    recursive = bool(named) or "^" in goal.target
    for v in goal.naturals:
        for base, step in (
            ("simp", "omega"),
            ("simp", f"simp_all{with_named}"),
            (f"simp{with_named}", f"grind{with_named}"),
            (f"simp{with_named}", f"simp{with_named}; omega"),
            ("decide", "rw [Nat.pow_succ]; omega"),
            ("simp", "simp [Nat.pow_succ] at *; omega"),
        ):
            text = f"induction {v} with\n| zero => {base}\n| succ {v} ih => {step}"
            yield Script(f"induction on {v}, {step}", text, 0.9 if recursive else 3.0)
    for h in goal.hypotheses:
        if not h.type.startswith("List ") or not h.usable:
            continue
        for base, step in (
            (f"simp{with_named}", f"simp{with_named}; omega"),
            (f"simp{with_named}", f"simp_all{with_named}"),
            (f"simp{with_named}", f"grind{with_named}"),
            ("rfl", "simp [ih]"),
        ):
            text = f"induction {h.name} with\n| nil => {base}\n| cons a {h.name} ih => {step}"
            yield Script(f"induction on {h.name}, {step}", text, 0.9 if named else 3.0)
    if named:
        for tactic in ("simp", "simp_all", "grind"):
            yield Script(f"{tactic} with {named}", f"{tactic} [{named}]", 1.0)


def _truth_tables(goal: Goal) -> Iterator[Script]:
    bools = [h.name for h in goal.hypotheses if h.type == "Bool" and h.usable]
    if not bools or goal.target.startswith("∃"):
        return
    cases = " <;> ".join(f"cases {b}" for b in bools)
    for tactic in ("rfl", "simp_all", "decide"):
        yield Script(f"truth table, {tactic}", f"{cases} <;> {tactic}", 0.9)
    yield Script("revert and decide", f"revert {' '.join(bools)}\ndecide", 1.0)


def _equations(goal: Goal) -> Iterator[Script]:
    names = [name for name, _ in goal.facts]
    for name in names:
        yield Script(f"rewrite with {name}", f"rw [{name}]", 1.8)
        yield Script(f"simp with {name}", f"simp [{name}]", 1.8)
    if len(names) == 2 and len(goal.variables) >= 2:
        a, b = goal.variables[:2]
        yield Script("rewrite both sides", f"rw [← {names[0]} {a}, ← {names[0]} {b}, {names[1]}]", 1.5)
    for h in goal.hypotheses:
        if h.usable and h.type.startswith("∀"):
            count = len(h.type.partition(",")[0].removeprefix("∀").split())
            zeros = " ".join(["0"] * count)
            yield Script(f"{h.name} at 0", f"have h0 := {h.name} {zeros}\nsimp_all", 1.5)
            yield Script(f"{h.name} at 0, simpa", f"simpa using {h.name} {zeros}", 1.5)
            yield Script(f"{h.name} at 0, omega", f"have h0 := {h.name} {zeros}\nsimp at h0\nomega", 1.5)
    if "*" in goal.target:
        v = goal.variables
        kind = "Nat" if v and goal.is_natural(v[0]) else "Int"
        yield Script("multiply out", f"simp [{kind}.mul_add, {kind}.add_mul, {kind}.mul_comm]", 1.2)
        yield Script(
            "multiply out and reorder",
            f"simp [{kind}.mul_add, {kind}.add_mul, {kind}.mul_comm, {kind}.mul_left_comm, {kind}.add_comm]",
            1.4,
        )
        yield Script("reorder", "ac_rfl", 1.4)
        yield Script("multiply out, omega", f"rw [{kind}.add_mul]\nomega", 1.6)
