"""Bound a variable, then split into cases: the standard way through small Diophantine problems.

Linear facts, a divisor of a constant, the growth of a power or products of inequalities give a bound; an experiment
suggests which one to try. A bounded variable is split into its values, or `decide` checks the finitely many cases.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from stepprove.agent.search.goal import Goal
from stepprove.agent.search.move import Move
from stepprove.agent.search.moves.cases import determined, split
from stepprove.agent.search.moves.computation import decide
from stepprove.agent.search.moves.divisors import divisors
from stepprove.agent.search.moves.ranges import numeral
from stepprove.agent.search.terms.bounded import Effort, integer_log
from stepprove.agent.search.terms.experiments import STEPS, literal_bounds, solutions
from stepprove.agent.search.terms.numeric import constants
from stepprove.agent.search.terms.term import Term, free_names, literal, replace, show, subterms, var


def moves(goal: Goal) -> Iterator[Move]:
    """Yield bounds for unbounded variables and case splits for bounded ones."""
    yield from divisors(goal)
    effort = Effort(STEPS)
    for name in goal.variables:
        if not any(name in free_names(p) for p in goal.propositions):
            continue
        low, high = literal_bounds(goal, name)
        yield from _upper(goal, name, high)
        if not goal.is_natural(name):
            yield from _lower(goal, name, low)
        yield from determined(goal, name)
        if low is not None and high is not None:
            yield from split(goal, name, low, high, effort)
    yield from decide(goal, effort)
    yield from _nonlinear(goal)


def _upper(goal: Goal, name: str, bound: int | None) -> Iterator[Move]:
    largest = _extreme(goal, name, largest=True)
    numbers = [c for c in constants(goal) if c > 0]
    (h,) = goal.fresh("h" + name)
    if bound is None:
        candidates = sorted({d for c in numbers for d in (c - 1, c)} - {0})
        ladder = [
            f"have {h} : {name} ≤ {c} := by omega" for c in candidates if c <= 5000 and c >= (largest or 0)
        ]
        if ladder:
            yield Move(ladder[-1], 0.1, f"bound {name}", forced=True, fact=True, ladder=tuple(ladder))
    if largest is None or not _curved(goal, name) or (bound is not None and bound <= 2 * max(largest, 4)):
        return
    exponents = _bases(goal, name)
    if exponents and goal.is_natural(name):
        logs = {integer_log(c, b) + 1 for c in numbers for b in exponents}
        caps = sorted(c for c in {largest, *logs} if c >= largest and (bound is None or c < bound))
        steps = [_by_power(goal, name, h, c, exponents) for c in caps]
        if steps:
            yield Move(steps[-1], 0.1, f"bound {name}", forced=True, fact=True, ladder=tuple(steps))
        return
    values = {largest, largest + 1} | {math.isqrt(c) for c in numbers} | {c for c in numbers if c <= 5000}
    steps = [
        _by_growth(goal, name, h, c) for c in sorted(values) if c >= largest and (bound is None or c < bound)
    ][:5]
    if steps:
        yield Move(steps[-1], 0.6, f"bound {name}", fact=True, ladder=tuple(steps), seconds=8.0)


def _lower(goal: Goal, name: str, bound: int | None) -> Iterator[Move]:
    least = _extreme(goal, name, largest=False)
    (h,) = goal.fresh("h" + name)
    if bound is not None:
        return
    candidates = sorted({d for c in constants(goal) for d in (c, c + 1, -c, -c + 1)} | {0, 1}, reverse=True)
    claims = [
        f"have {h} : {numeral(c)} ≤ {name}"
        for c in candidates
        if abs(c) <= 5000 and (least is None or c <= least)
    ]
    if claims:
        ladder = tuple(f"{claim} := by omega" for claim in claims)
        yield Move(ladder[-1], 0.1, f"bound {name}", forced=True, fact=True, ladder=ladder)
    if least is not None and _curved(goal, name):
        steps = []
        for c in dict.fromkeys((least, -abs(least) - 1)):
            forms = [f"{numeral(c - 1)} - {name}", *_nonnegative(goal)]
            steps.append(_contradiction(h, f"{numeral(c)} ≤ {name}", _products(forms)))
        yield Move(steps[-1], 0.7, f"bound {name}", fact=True, ladder=tuple(steps), seconds=8.0)


def _extreme(goal: Goal, name: str, *, largest: bool) -> int | None:
    """Return the largest or least value among an experiment's solutions; None if they reach its edge."""
    small = solutions(goal)
    if small is None or name not in small.names or not small.values:
        return None
    values = small.of(name)
    extreme = values[-1] if largest else values[0]
    return None if abs(extreme) >= small.reach else extreme


def _curved(goal: Goal, name: str) -> bool:
    """Return whether the variable stands in a product, a power or an exponent of some fact."""
    return any(
        part.op in ("^", "*")
        and name in free_names(part)
        and (part.op == "^" or all(free_names(a) for a in part.args))
        for fact in goal.propositions
        for part in subterms(fact)
    )


def _bases(goal: Goal, name: str) -> list[int]:
    """Return the literals b ≥ 2 such that b ^ name occurs in a fact."""
    bases = {
        literal(part.args[0])
        for fact in goal.propositions
        for part in subterms(fact)
        if part.op == "^" and part.args[1] == var(name)
    }
    return sorted(b for b in bases if b is not None and b >= 2)


def _by_power(goal: Goal, name: str, h: str, c: int, bases: list[int]) -> str:
    """Prove n ≤ c, because otherwise b ^ n is too large."""
    (contra,) = goal.fresh("hc")
    powers = [f"  have := Nat.pow_le_pow_right (n := {b}) (by decide) {contra}" for b in bases]
    return "\n".join(
        [
            f"have {h} : {name} ≤ {c} := Nat.le_of_not_lt fun {contra} => by",
            *powers,
            "  simp at this",
            "  omega",
        ]
    )


def _by_growth(goal: Goal, name: str, h: str, c: int) -> str:
    """Prove x ≤ c, because otherwise some product is too large."""
    forms = [f"{_integer(goal, var(name))} - {numeral(c + 1)}", *_nonnegative(goal)]
    return _contradiction(h, f"{name} ≤ {c}", _products(forms))


def _contradiction(h: str, claim: str, facts: list[str]) -> str:
    lines = [f"have {h} : {claim} := Classical.byContradiction fun hc => by"]
    return "\n".join(lines + ["  " + fact for fact in facts] + ["  grind"])


def _integer(goal: Goal, term: Term) -> str:
    """Return the term as integer text, with natural variables cast."""
    return show(replace(term, {n: Term("cast", (var(n),)) for n in goal.naturals}), 66)


def _nonnegative(goal: Goal) -> list[str]:
    """Return integer forms that the hypotheses make nonnegative: b - a from a ≤ b, b - a - 1 from a < b, n from n : ℕ."""
    forms: list[str] = []
    for fact in goal.propositions:
        negated = fact.op == "¬"
        part = fact.args[0] if negated else fact
        if part.op not in ("<", "≤", ">", "≥") or any(
            t.op in ("-", "app", "/", "%", "∣") for t in subterms(part)
        ):
            continue
        left, right = part.args
        if part.op in (">", "≥"):
            left, right = right, left
        strict = part.op in ("<", ">")
        if negated:
            left, right, strict = right, left, not strict
        form = _integer(goal, right)
        if literal(left) != 0:
            form += f" - {_integer(goal, left)}"
        forms.append(form + (" - 1" if strict else ""))
    forms += [_integer(goal, var(n)) for n in goal.naturals]
    return list(dict.fromkeys(forms))[:5]


def _products(forms: list[str]) -> list[str]:
    """Return facts: the first form's products with itself, its square and the other forms are nonnegative."""
    first = forms[0]
    pairs = [(first, other) for other in forms] + [(f"({first}) * ({first})", first)]
    return [
        f"have := Int.mul_nonneg (a := {a}) (b := {b}) (by omega) (by omega)"
        for a, b in pairs[:2] + pairs[2:-1]
    ] + [f"have := Int.mul_nonneg (a := {pairs[-1][0]}) (b := {pairs[-1][1]}) (by assumption) (by omega)"]


def _nonlinear(goal: Goal) -> Iterator[Move]:
    """Multiply hypotheses, add squares of differences, then run linear arithmetic, as nlinarith does."""
    if goal.term is None or goal.term.op not in ("<", "≤", ">", "≥", "=", "var") or not goal.variables:
        return
    if not any(_curved(goal, n) or _in_product(goal.term, n) for n in goal.variables):
        return
    forms = _nonnegative(goal)
    pairs = [(a, b) for i, a in enumerate(forms) for b in forms[i:]][:8]
    products = [f"have := Int.mul_nonneg (a := {a}) (b := {b}) (by omega) (by omega)" for a, b in pairs]
    if products:
        yield Move(
            "\n".join([*products, "grind"]), 0.9, "products of inequalities", closing=True, seconds=8.0
        )
    names = [(_integer(goal, var(n))) for n in goal.variables][:3]
    squares = [f"{a} - {b}" for i, a in enumerate(names) for b in names[i + 1 :]] + names
    facts = [f"have := Lean.Grind.OrderedRing.sq_nonneg (R := Int) (a := {s})" for s in squares]
    yield Move("\n".join([*facts, "grind"]), 0.95, "squares are nonnegative", closing=True, seconds=8.0)


def _in_product(term: Term, name: str) -> bool:
    return any(p.op in ("^", "*") and name in free_names(p) for p in subterms(term))
