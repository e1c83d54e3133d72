"""Split a bounded variable into its values."""

from __future__ import annotations

from collections.abc import Iterator

from stepprove.agent.search.goal import Goal
from stepprove.agent.search.move import Move
from stepprove.agent.search.moves.ranges import below, is_below, numeral, only_bound
from stepprove.agent.search.terms.bounded import Effort
from stepprove.agent.search.terms.experiments import solutions, survivors
from stepprove.agent.search.terms.numeric import Valuation, holds
from stepprove.agent.search.terms.term import Term, free_names, num, replace, show, var

FEW_CASES = 12
MANY_CASES = 120
MOST_VALUES = 40
FARTHEST = 10_000
"""The largest bound below which all numbers are checked."""


def determined(goal: Goal, name: str) -> Iterator[Move]:
    """State the only value that the facts allow if linear arithmetic proves it."""
    found = solutions(goal)
    if found is None or name not in found.names or len(found.names) > 1:
        return
    values = found.of(name)
    if len(values) == 1 and abs(values[0]) < found.reach:
        text = f"obtain rfl : {name} = {numeral(values[0])} := by omega"
        yield Move(text, 0.1, f"{name} = {values[0]}", forced=True, fact=True)


def split(goal: Goal, name: str, low: int, high: int, effort: Effort) -> Iterator[Move]:
    """Split into one case for each value in the range, or for each value that the facts about this variable allow."""
    if high < low or high - low > 5000:
        return
    count = high - low + 1
    if count <= FEW_CASES:
        yield _cases(goal, name, list(range(low, high + 1)), "omega", 0.4 + count / 60)
        yield _cases(goal, name, list(range(low, high + 1)), "simp_all", 0.8 + count / 60)
    if FEW_CASES // 2 < count <= MANY_CASES:
        for tactic, extra in (("omega", 0.1), ("first | omega | simp_all | grind", 0.4)):
            yield _every_case(goal, name, low, high, tactic, 0.4 + extra + count / 150)
    allowed = survivors(goal, name, low, high, effort)
    few = len(allowed) < count / 2 and len(allowed) <= MOST_VALUES and count > 8
    if few and goal.is_natural(name) and high <= FARTHEST:
        yield from _sieve(goal, name, high, effort)


def _cases(goal: Goal, name: str, values: list[int], tactic: str, cost: float) -> Move:
    disjunction = " ∨ ".join(f"{name} = {v}" for v in values)
    if len(values) == 1:
        return Move(f"obtain rfl : {disjunction} := by omega", 0.1, f"{name} = {values[0]}", forced=True)
    (h,) = goal.fresh("h")
    return Move(
        f"have {h} : {disjunction} := by omega\n"
        f"rcases {h} with {' | '.join(['rfl'] * len(values))} <;> try {tactic}",
        cost,
        f"cases of {name}",
        seconds=10.0 + len(values),
    )


def _every_case(goal: Goal, name: str, low: int, high: int, tactic: str, cost: float) -> Move:
    """State all cases as one lemma, for ranges that are too long to write out."""
    assert goal.term is not None
    facts = [(n, f) for n, f in goal.facts if name in free_names(f) and not only_bound(f)]
    (key,) = goal.fresh("key")
    lines = []
    variable, shifted = name, {}
    if not goal.is_natural(name):
        (variable,) = goal.fresh("k")
        lines.append(
            f"obtain ⟨{variable}, rfl⟩ : ∃ {variable} : Nat, {name} = ↑{variable} + {numeral(low)} := "
            f"⟨({name} - {numeral(low)}).toNat, by omega⟩"
        )
        shifted = {name: Term("+", (var(f"({variable} : {goal.kind(name)})"), num(low)))}
        high -= low
    statement = "".join(f"{show(replace(f, shifted), 26)} → " for _, f in facts) + show(
        replace(goal.term, shifted), 25
    )
    lines += [
        f"have {key} : ∀ {variable} : Nat, {variable} < {high + 1} → {statement} := by",
        "  simp only [Nat.forall_lt_succ_right, Nat.not_lt_zero, false_imp_iff, implies_true, true_and]",
        f"  and_intros <;> {tactic}",
        f"exact {key} {variable} (by omega) {' '.join(n for n, _ in facts)}".rstrip(),
    ]
    return Move("\n".join(lines), cost, f"every value of {name}", closing=True, seconds=30.0)


def _sieve(goal: Goal, name: str, high: int, effort: Effort) -> Iterator[Move]:
    """Let `decide` find the values below the bound that satisfy the facts about this variable, and split on them."""
    facts = [
        (n, f) for n, f in goal.facts if free_names(f) & set(goal.variables) == {name} and not only_bound(f)
    ]
    if not facts:
        return
    key, h = goal.fresh("key", "h")
    natural = frozenset(goal.naturals)

    def passing(chosen: list[tuple[str, Term]]) -> list[int] | None:
        """Return the values that satisfy the facts; None if that takes too long."""
        at = [Valuation({name: v}, natural, effort=effort) for v in range(high + 1)]
        found = [v for v, here in enumerate(at) if all(holds(f, here) is not False for _, f in chosen)]
        return None if effort.spent else found

    found = passing(facts)
    if found is None:
        return
    allowed = found
    for fact in reversed(facts):  # drop the facts that the sieve does not need, the latest first
        fewer = [f for f in facts if f is not fact]
        if fewer and passing(fewer) == allowed:
            facts = fewer
    premises = " ∧ ".join(show(f, 36) for _, f in facts)
    values = "[" + ", ".join(map(str, allowed)) + "]"
    names = facts[0][0] if len(facts) == 1 else "⟨" + ", ".join(n for n, _ in facts) + "⟩"
    lines = [
        f"have {key} : {below(name, high + 1)}{premises} → {name} ∈ {values} := by decide +kernel",
        f"have {h} := {key} {name} {is_below(high + 1)} {names}",
    ]
    if not allowed:
        yield Move(
            "\n".join([*lines, f"exact absurd {h} List.not_mem_nil"]), 0.5, "no value is left", closing=True
        )
        return
    lines.append(f"simp only [List.mem_cons, List.not_mem_nil, or_false] at {h}")
    if len(allowed) == 1:
        lines.append(f"subst {h}")
    else:
        lines.append(f"rcases {h} with {' | '.join(['rfl'] * len(allowed))} <;> try omega")
    yield Move("\n".join(lines), 0.6, f"the possible values of {name}", seconds=30.0)
