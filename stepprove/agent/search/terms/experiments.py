"""Numerical experiments on a goal: small numbers that satisfy its hypotheses."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from stepprove.agent.search.goal import Goal
from stepprove.agent.search.terms.bounded import Effort
from stepprove.agent.search.terms.numeric import Valuation, assignments, holds, small_values
from stepprove.agent.search.terms.term import Term, free_names, literal

_REACH = {1: 3000, 2: 90, 3: 20, 4: 10}
"""The largest size of each variable, by the number of variables."""
STEPS = 1_500_000
"""The most steps of one kind of experiment on a goal."""


@dataclass(frozen=True)
class Solutions:
    """Assignments that satisfy every hypothesis that could be evaluated."""

    names: tuple[str, ...]
    values: tuple[tuple[int, ...], ...]
    reach: int
    """The experiment tried all values up to this size."""

    def of(self, name: str) -> list[int]:
        """Return the values of a variable, ascending."""
        place = self.names.index(name)
        return sorted({v[place] for v in self.values})


@lru_cache(maxsize=4096)
def solutions(goal: Goal) -> Solutions | None:
    """Return small solutions of the hypotheses; None if they have no numbers, or too many or too heavy ones."""
    names = tuple(n for n in goal.variables if any(n in free_names(p) for p in goal.propositions))
    if not 1 <= len(names) <= 4:
        return None
    reach = _REACH[len(names)]
    small = _within(goal, names, reach)
    while small is None and reach > 10:
        reach //= 3
        small = _within(goal, names, reach)
    return small


def _within(goal: Goal, names: tuple[str, ...], reach: int) -> Solutions | None:
    """Return the solutions with values up to `reach`; None if they take too long."""
    natural = frozenset(goal.naturals)
    ranges = {name: _range(goal, name, reach) for name in names}
    facts = _by_last_variable(goal, names)
    assignments_found: list[tuple[int, ...]] = []
    effort = Effort(STEPS)

    def extend(values: tuple[int, ...]) -> None:
        if len(assignments_found) > 2000 or effort.spent:
            return
        if len(values) == len(names):
            assignments_found.append(values)
            return
        name = names[len(values)]
        for v in ranges[name]:
            candidate = (*values, v)
            at = Valuation(dict(zip(names, candidate, strict=False)), natural, effort=effort)
            if all(holds(f, at) is not False for f in facts[len(values)]):
                extend(candidate)

    extend(())
    return None if effort.spent else Solutions(names, tuple(assignments_found), reach)


def counterexamples(goal: Goal) -> list[dict[str, int]]:
    """Return small values that satisfy the evaluated hypotheses and violate the target.

    If no hypothesis is about numbers, the experiment tries the smallest values of the target's variables.
    """
    target = goal.term
    if target is None:
        return []
    names = [n for n in goal.variables if n in free_names(target)]
    found = solutions(goal)
    if found is not None and set(names) <= set(found.names):
        tried = [dict(zip(found.names, values, strict=True)) for values in found.values]
    elif len(names) <= 3 and found is None:
        tried = list(itertools.islice(assignments(goal, names, 12), 5000))
    else:
        return []
    natural = frozenset(goal.naturals)
    effort = Effort(STEPS)
    return [values for values in tried if holds(target, Valuation(values, natural, effort=effort)) is False]


def _by_last_variable(goal: Goal, names: Sequence[str]) -> list[list[Term]]:
    """Return the facts, each at the place of the last variable that it mentions."""
    places: list[list[Term]] = [[] for _ in names]
    for fact in goal.propositions:
        used = [i for i, n in enumerate(names) if n in free_names(fact)]
        if used:
            places[max(used)].append(fact)
    return places


def _range(goal: Goal, name: str, reach: int) -> list[int]:
    low, high = literal_bounds(goal, name)
    if low is not None and high is not None and high - low <= 4 * reach:
        return list(range(low, high + 1))
    values = list(small_values(goal.is_natural(name), reach))
    return [v for v in values if (low is None or v >= low) and (high is None or v <= high)]


def literal_bounds(goal: Goal, name: str) -> tuple[int | None, int | None]:
    """Return the least and greatest value of a variable that single facts state (at least 0 for ℕ)."""
    low: int | None = 0 if goal.is_natural(name) else None
    high: int | None = None
    for fact in goal.propositions:
        negated = fact.op == "¬"
        part = fact.args[0] if negated else fact
        if part.op not in ("<", "≤", ">", "≥", "=") or (negated and part.op == "="):
            continue
        left, right = part.args
        op = part.op
        if literal(left) is not None:
            left, right = right, left
            op = {"<": ">", "≤": "≥", ">": "<", "≥": "≤", "=": "="}[op]
        if negated:
            op = {"<": "≥", "≤": ">", ">": "≤", "≥": "<"}[op]
        value = literal(right)
        if left.op != "var" or left.name != name or value is None:
            continue
        if op in ("<", "≤", "="):
            limit = value - 1 if op == "<" else value
            high = limit if high is None else min(high, limit)
        if op in (">", "≥", "="):
            limit = value + 1 if op == ">" else value
            low = limit if low is None else max(low, limit)
    return low, high


def survivors(goal: Goal, name: str, low: int, high: int, effort: Effort) -> list[int]:
    """Return the values in a range that the facts about this variable alone allow, as far as an experiment can
    evaluate them.
    """
    natural = frozenset(goal.naturals)
    facts = [p for p in goal.propositions if free_names(p) & set(goal.variables) == {name}]
    return [
        v
        for v in range(low, high + 1)
        if all(holds(f, Valuation({name: v}, natural, effort=effort)) is not False for f in facts)
    ]
