"""Check the finitely many cases of a goal with bounded variables by computation."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from stepprove.agent.search.goal import Goal
from stepprove.agent.search.move import Move
from stepprove.agent.search.moves.ranges import below, is_below, numeral, only_bound
from stepprove.agent.search.terms.bounded import Effort
from stepprove.agent.search.terms.experiments import literal_bounds
from stepprove.agent.search.terms.numeric import Valuation, holds
from stepprove.agent.search.terms.term import Term, free_names, num, replace, show, var

MOST_DECIDED = 40_000


def decide(goal: Goal, effort: Effort) -> Iterator[Move]:
    """Check all cases by computation if every relevant variable is bounded."""
    if goal.term is None:
        return
    connected = set(goal.variables) & _connected(goal)
    named = set(goal.variables) & free_names(goal.term)
    for involved in (named, connected) if named and named != connected else (connected,):
        yield from _decide_with(goal, involved, effort)


def _decide_with(goal: Goal, involved: set[str], effort: Effort) -> Iterator[Move]:
    assert goal.term is not None
    if not 1 <= len(involved) <= 4:
        return
    ranges = {}
    for name in goal.variables:
        if name in involved:
            low, high = literal_bounds(goal, name)
            if low is None or high is None:
                return
            ranges[name] = (low, high)
    cases = math.prod(max(0, high - low + 1) for low, high in ranges.values())
    far = any(goal.is_natural(name) and high > MOST_DECIDED for name, (_, high) in ranges.items())
    if cases > MOST_DECIDED or far:  # for a natural number, all values below its bound are checked
        return
    facts = [
        (n, f)
        for n, f in goal.facts
        if free_names(f) & set(goal.variables) <= involved
        and free_names(f) & involved
        and not any(only_bound(f) and _implied(f, v, ranges[v][0]) for v in involved)
    ]
    if _fails_somewhere(goal, ranges, [f for _, f in facts], effort) is not True:
        if cases <= 3000:  # drop the facts that the experiment does not need, the latest first
            for fact in reversed(facts):
                fewer = [f for f in facts if f is not fact]
                if _fails_somewhere(goal, ranges, [f for _, f in fewer], effort) is False:
                    facts = fewer
        text = _decide_text(goal, ranges, facts)
        yield Move(text, 0.45 + cases / 20_000, "all cases by computation", closing=True, seconds=40.0)


def _fails_somewhere(
    goal: Goal, ranges: dict[str, tuple[int, int]], facts: list[Term], effort: Effort
) -> bool | None:
    """Return whether an experiment finds values that satisfy the facts but not the target; None if it takes too long."""
    assert goal.term is not None
    natural = frozenset(goal.naturals)
    for values in itertools.product(*(range(low, high + 1) for low, high in ranges.values())):
        at = Valuation(dict(zip(ranges, values, strict=True)), natural, effort=effort)
        if all(holds(f, at) is not False for f in facts) and holds(goal.term, at) is False:
            return True
        if effort.spent:
            return None
    return False


def _connected(goal: Goal) -> set[str]:
    """Return the names that share facts with the target, directly or through others."""
    assert goal.term is not None
    names = set(free_names(goal.term))
    if not names & set(goal.variables):  # the target is False: every variable counts
        names |= {n for p in goal.propositions for n in free_names(p)}
    changed = True
    while changed:
        changed = False
        for fact in goal.propositions:
            used = free_names(fact) & set(goal.variables)
            if used & names and not used <= names:
                names |= used
                changed = True
    return names


def _implied(fact: Term, name: str, low: int) -> bool:
    """Return whether the quantifier's range already implies the fact."""
    upper = (fact.op in ("<", "≤") and fact.args[0] == var(name)) or (
        fact.op in (">", "≥") and fact.args[1] == var(name)
    )
    return upper or low == 0


def _decide_text(goal: Goal, ranges: dict[str, tuple[int, int]], facts: list[tuple[str, Term]]) -> str:
    """Return `have key : ∀ x < 10, facts about x → ∀ y < 10, … → target := by decide +kernel`, applied to the hypotheses."""
    assert goal.term is not None
    (key,) = goal.fresh("key")
    statement, use = f"have {key} : ", [f"exact {key}"]
    shifts: list[str] = []
    substitution: dict[str, Term] = {}
    done: set[str] = set()
    remaining = list(facts)
    for name, (low, high) in ranges.items():
        if goal.is_natural(name):
            statement += below(name, high + 1)
            use.append(f"{name} {is_below(high + 1)}")
        else:
            (k,) = goal.fresh(name + "'")
            shifts.append(
                f"obtain ⟨{k}, rfl⟩ : ∃ {k} : Nat, {name} = ↑{k} + {numeral(low)} := "
                f"⟨({name} - {numeral(low)}).toNat, by omega⟩"
            )
            statement += below(k, high - low + 1)
            use.append(f"{k} {is_below(high - low + 1)}")
            substitution[name] = Term("+", (var(f"({k} : {goal.kind(name)})"), num(low)))
        done.add(name)
        ready = [f for f in remaining if free_names(f[1]) & set(goal.variables) <= done]
        remaining = [f for f in remaining if f not in ready]
        if (
            ready
        ):  # one conjunction: Lean looks for decidability step by step, and long chains of premises defeat it
            statement += " ∧ ".join(show(replace(f, substitution), 36) for _, f in ready) + " → "
            use.append(ready[0][0] if len(ready) == 1 else "⟨" + ", ".join(n for n, _ in ready) + "⟩")
    statement += show(replace(goal.term, substitution), 26) + " := by decide +kernel"
    return "\n".join([*shifts, statement, " ".join(use)])
