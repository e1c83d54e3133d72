"""Evaluation of statements at small values, to guide the search and find counterexamples.

Lean's semantics holds for ℕ's truncated subtraction, division by zero and ℤ's Euclidean remainder. Lean confirms every result
of an experiment.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from stepprove.agent.search.goal import Goal
from stepprove.agent.search.terms.bounded import (
    Effort,
    NotEvaluated,
    kept,
    least_common_multiple,
    numeral,
    power,
    product,
    weight,
)
from stepprove.agent.search.terms.term import RELATIONS, Term, literal


@dataclass(frozen=True)
class Valuation:
    """Values and types of the variables: type "ℕ" truncates subtraction, "ℤ" does not."""

    values: Mapping[str, int]
    natural: frozenset[str]
    functions: Mapping[str, Callable[..., int]] | None = None
    natural_functions: frozenset[str] = frozenset()
    effort: Effort | None = None
    """The budget of the evaluation; None for a few terms."""


def natural(term: Term, setting: Valuation) -> bool | None:
    """Return whether the term is a natural number; None for literals, which take the type of their neighbours."""
    if setting.effort is not None:
        setting.effort.spend()
    if term.op == "num":
        return None
    if term.op == "var":
        return term.name in setting.natural
    if term.op == "cast":
        return False
    if term.op == "app":
        return term.args[0].name in setting.natural_functions or term.args[0].name in _NATURAL_CONSTANTS
    if term.op == "neg":
        return False
    if term.op == "^":
        return natural(term.args[0], setting)
    kinds = (natural(a, setting) for a in term.args)
    return next((k for k in kinds if k is not None), None)


_NATURAL_CONSTANTS = frozenset(
    {"Nat.gcd", "Nat.lcm", ".gcd", ".lcm", "Nat.succ", ".succ", "Nat.pred", ".natAbs", ".toNat"}
)


def value(term: Term, setting: Valuation, is_natural: bool | None = None) -> int:
    """Return the term's number, of bounded size; raise NotEvaluated."""
    if setting.effort is not None:
        setting.effort.spend()
    match term.op:
        case "num":
            return numeral(term.name)
        case "var":
            try:
                return setting.values[term.name]
            except KeyError:
                raise NotEvaluated(term.name) from None
        case "cast":
            return value(term.args[0], setting)
        case "neg":
            return -value(term.args[0], setting, False)
        case "app":
            return _apply(term, setting)
    if term.op not in ("+", "-", "*", "/", "%", "^"):
        raise NotEvaluated(term.op)
    kind = natural(term, setting)
    if kind is None:
        kind = True if is_natural is None else is_natural
    left = value(term.args[0], setting, kind)
    right = value(term.args[1], setting, True if term.op == "^" else kind)
    if setting.effort is not None:
        setting.effort.spend(weight(left, right))
    return _arithmetic(term.op, left, right, kind)


def _arithmetic(op: str, left: int, right: int, is_natural: bool) -> int:
    if op == "+":
        return kept(left + right)
    if op == "-":
        return max(0, left - right) if is_natural else kept(left - right)
    if op == "*":
        return product(left, right)
    if op == "^":
        return power(left, right)
    if right == 0:
        return 0 if op == "/" else left
    quotient = left // right if right > 0 else -(left // -right)  # Lean's Int division leaves a remainder ≥ 0
    return quotient if op == "/" else left - right * quotient


def _apply(term: Term, setting: Valuation) -> int:
    name = term.args[0].name
    arguments = [value(a, setting) for a in term.args[1:]]
    if setting.functions and name in setting.functions:
        return setting.functions[name](*arguments)
    if setting.effort is not None:
        setting.effort.spend(10 * weight(*arguments))
    match name, arguments:
        case (("Nat.gcd" | ".gcd" | "Int.gcd"), [a, b]):
            return math.gcd(a, b)
        case (("Nat.lcm" | ".lcm" | "Int.lcm"), [a, b]):
            return least_common_multiple(a, b)
        case (("Nat.succ" | ".succ"), [a]):
            return kept(a + 1)
        case ((".natAbs" | "Int.natAbs"), [a]):
            return abs(a)
        case ((".toNat" | "Int.toNat"), [a]):
            return max(0, a)
    raise NotEvaluated(name)


def truth(term: Term, setting: Valuation) -> bool:
    """Return whether the quantifier-free statement holds; raise NotEvaluated."""
    if term.op in RELATIONS:
        left_kind, right_kind = natural(term.args[0], setting), natural(term.args[1], setting)
        kind = left_kind if left_kind is not None else right_kind
        left, right = (value(a, setting, kind) for a in term.args)
        if term.op == "∣":
            return right == 0 if left == 0 else right % left == 0
        return {
            "=": left == right, "≠": left != right, "<": left < right,
            "≤": left <= right, ">": left > right, "≥": left >= right,
        }[term.op]  # fmt: skip
    match term.op:
        case "¬":
            return not truth(term.args[0], setting)
        case "∧":
            return truth(term.args[0], setting) and truth(term.args[1], setting)
        case "∨":
            return truth(term.args[0], setting) or truth(term.args[1], setting)
        case "→":
            return not truth(term.args[0], setting) or truth(term.args[1], setting)
        case "↔":
            return truth(term.args[0], setting) == truth(term.args[1], setting)
        case "var" if term.name in ("True", "False"):
            return term.name == "True"
    if setting.effort is not None:
        setting.effort.spend()
    raise NotEvaluated(term.op)


def holds(term: Term, setting: Valuation) -> bool | None:
    """Return `truth`, or None if it is unknown."""
    try:
        return truth(term, setting)
    except NotEvaluated:
        return None


def small_values(is_natural: bool, bound: int) -> Iterator[int]:
    """Yield 0, 1, 2 … and for integers 0, 1, -1, 2, -2 …, up to `bound` in size."""
    yield 0
    for n in range(1, bound + 1):
        yield n
        if not is_natural:
            yield -n


def assignments(goal: Goal, names: Sequence[str], bound: int) -> Iterator[dict[str, int]]:
    """Yield every assignment of small values to the names."""
    ranges = [list(small_values(goal.is_natural(n), bound)) for n in names]
    for values in itertools.product(*ranges):
        yield dict(zip(names, values, strict=True))


def constants(goal: Goal) -> list[int]:
    """Return the literals of the goal's propositions and target, ascending."""
    found = set()
    terms = list(goal.propositions) + ([goal.term] if goal.term is not None else [])
    for term in terms:
        stack = [term]
        while stack:
            part = stack.pop()
            known = literal(part)
            if known is not None:
                found.add(known)
            stack.extend(part.args)
    return sorted(found)
