"""Bounds from divisors: a factor of a constant divides it, and a divisor of a positive constant is at most that constant."""

from __future__ import annotations

from collections.abc import Iterator

from stepprove.agent.search.goal import Goal
from stepprove.agent.search.move import Move
from stepprove.agent.search.terms.term import Term, free_names, literal, num, show


def divisors(goal: Goal) -> Iterator[Move]:
    """Use that a factor of a constant divides it, and that a divisor of a positive constant is at most that constant."""
    for fact in goal.propositions:
        if fact.op == "=":
            for product, constant in (fact.args, fact.args[::-1]):
                value = literal(constant)
                if product.op == "*" and value is not None and value > 0:
                    yield from _factors(goal, product, value)
        elif fact.op == "∣":
            value = literal(fact.args[1])
            stated = Term("≤", (fact.args[0], num(value or 0))) in goal.propositions
            if value is not None and value > 0 and free_names(fact.args[0]) and not stated:
                yield _at_most(goal, fact.args[0], value)


def _factors(goal: Goal, product: Term, value: int) -> Iterator[Move]:
    factors = list(_flatten(product))
    (hd,) = goal.fresh("hd")
    for place, factor in enumerate(factors):
        if not free_names(factor):
            continue
        rest = " * ".join(show(f, 71) for i, f in enumerate(factors) if i != place)
        claim = Term("∣", (factor, num(value)))
        if claim not in goal.propositions:
            yield Move(
                f"have {hd} : {claim} := ⟨{rest}, by grind⟩",
                0.35 + place / 20,
                f"a factor divides {value}",
                forced=True,
                fact=True,
            )


def _flatten(product: Term) -> Iterator[Term]:
    if product.op == "*":
        yield from _flatten(product.args[0])
        yield from _flatten(product.args[1])
    else:
        yield product


def _at_most(goal: Goal, divisor: Term, value: int) -> Move:
    h, lower = goal.fresh("hle", "hge")
    proof = next(n for n, f in goal.facts if Term("∣", (divisor, num(value))) in _parts(f))
    integral = bool(free_names(divisor) & set(goal.integers))
    if not integral:
        text = f"have {h} : {divisor} ≤ {value} := Nat.le_of_dvd (by decide) {proof}"
    else:
        text = (
            f"have {h} : {divisor} ≤ {value} := Int.le_of_dvd (by decide) {proof}\n"
            f"have {lower} : -{show(divisor, 75)} ≤ {value} := "
            f"Int.le_of_dvd (by decide) (Int.neg_dvd.mpr {proof})"
        )
        if divisor.op == "var":
            text += f"\nhave {lower} : -{value} ≤ {divisor} := by omega"
    return Move(text, 0.2, "a divisor is at most the number", forced=True, fact=True)


def _parts(fact: Term) -> list[Term]:
    if fact.op == "∧":
        return [*_parts(fact.args[0]), *_parts(fact.args[1])]
    return [fact]
