"""Witnesses: small numbers from an experiment, terms of the goal, and simple expressions in its variables."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from stepprove.agent.search.goal import Goal
from stepprove.agent.search.move import Move
from stepprove.agent.search.terms.bounded import Effort
from stepprove.agent.search.terms.experiments import STEPS, solutions
from stepprove.agent.search.terms.numeric import Valuation, constants, holds, small_values
from stepprove.agent.search.terms.term import Term, free_names, literal, num, replace, show, subterms, var

_SEARCHED = {1: 2000, 2: 60, 3: 16}
_NUMBERS = {"ℕ", "Nat", "ℤ", "Int", ""}


def moves(goal: Goal) -> Iterator[Move]:
    """Yield witnesses for an existential target."""
    term = goal.term
    if term is None or term.op != "∃":
        if goal.target.startswith("∃"):
            for place, guess in enumerate(["0", "1", *goal.variables]):
                yield Move(f"refine ⟨{guess}, ?_⟩", 0.8 + place / 10, f"try {guess}")
        return
    names, kinds, body = [], [], term
    while body.op == "∃":
        names.append(body.name)
        kinds.append(body.args[0].name)
        body = body.args[1]
    if all(k in _NUMBERS for k in kinds) and len(names) <= 3:
        yield from _numbers(goal, names, kinds, body)
    yield from _expressions(goal, names, body)


def _numbers(goal: Goal, names: list[str], kinds: list[str], body: Term) -> Iterator[Move]:
    """Yield the first small numbers that satisfy the statement, or do not provably fail it."""
    natural = frozenset(n for n, k in zip(names, kinds, strict=True) if k in ("ℕ", "Nat", "")) | frozenset(
        goal.naturals
    )
    closed = not free_names(body) & set(goal.variables)
    reach = _SEARCHED[len(names)]
    found = 0
    ranges = [list(small_values(n in natural, reach if closed else 6)) for n in names]
    ranges = [
        sorted(set(r) | {c for c in constants(goal) if c >= 0}, key=lambda v: (abs(v), -v)) for r in ranges
    ]
    examples = [dict(zip(s.names, v, strict=True)) for s in [solutions(goal)] if s for v in s.values[:40]]
    effort = Effort(STEPS)
    for values in itertools.product(*ranges):
        if effort.spent:
            return
        at = dict(zip(names, values, strict=True))
        verdict = holds(body, Valuation(at, natural, effort=effort)) if closed else None
        if verdict is False or (closed and verdict is None and found >= 6):
            continue
        if not closed and any(
            holds(body, Valuation({**e, **at}, natural, effort=effort)) is False for e in examples
        ):
            continue
        text = ", ".join(f"({v})" if v < 0 else str(v) for v in values)
        if verdict:
            yield Move(f"exact ⟨{text}, by decide⟩", 0.2, f"witness {text}", closing=True)
        yield Move(f"refine ⟨{text}, ?_⟩", 0.3 + found / 10, f"witness {text}")
        found += 1
        if found >= 8 or verdict:
            return


def _expressions(goal: Goal, names: list[str], body: Term) -> Iterator[Move]:
    """Yield terms from the goal for the first witness, tested on examples."""
    if len(names) > 2:
        return
    candidates = list(_candidates(goal, body, names[0]))
    natural = frozenset(goal.naturals) | frozenset(names)
    variables = [v for v in goal.variables if v in free_names(body)]
    few = itertools.islice(itertools.product((0, 1, 2, 3, 5, 8), repeat=len(variables)), 40)
    examples = [dict(zip(variables, v, strict=True)) for v in few]
    effort = Effort(STEPS)
    rank = 0
    for guess in candidates:
        if len(names) == 1 and variables:
            refuted = False
            for example in examples:
                at = Valuation(example, natural, effort=effort)
                if any(holds(p, at) is False for p in goal.propositions):
                    continue
                if holds(replace(body, {names[0]: guess}), at) is False:
                    refuted = True
                    break
            if refuted:
                continue
        yield Move(f"refine ⟨{show(guess)}, ?_⟩", 0.5 + rank / 10, f"witness {show(guess)}")
        rank += 1
        if rank >= 10:
            return


def _candidates(goal: Goal, body: Term, name: str) -> Iterator[Term]:
    """Yield terms of the goal, then sums, products, quotients and shifts of its variables."""
    seen: dict[Term, None] = {}
    variables = [var(v) for v in goal.variables[:3]]
    for v in variables:
        seen[v] = None
    pool = [
        t
        for p in [*goal.propositions, body]
        for t in subterms(p)
        if t.op in ("+", "-", "*", "/", "%", "^", "app", "var")
    ]
    for t in pool:
        if (
            free_names(t)
            and free_names(t) <= set(goal.variables) | set(goal.functions)
            and t.name not in goal.functions
        ):
            seen[t] = None
    two, one = Term("num", name="2"), Term("num", name="1")
    for v in variables:
        successor, double = Term("+", (v, one)), Term("*", (two, v))
        shapes = [successor, double, Term("/", (v, two)), Term("-", (v, one)), Term("+", (double, one))]
        multiples = {m for t in subterms(body) if (m := literal(t)) is not None and m > 1}
        shapes += [Term("*", (num(m), successor)) for m in sorted(multiples)[:3]]
        shapes += [Term("*", (v, v)), Term("+", (v, two)), Term("*", (two, successor))]
        seen.update(dict.fromkeys(shapes))
    for a, b in itertools.combinations(variables, 2):
        for op in ("+", "*", "-"):
            seen[Term(op, (a, b))] = None
    yield from itertools.islice(seen, 40)
