"""Moves on functions and sequences: instantiate functional equations, run recurrences, find periods."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from stepprove.agent.search.goal import Goal
from stepprove.agent.search.move import Move
from stepprove.agent.search.moves.periods import periodic, periodic_residues
from stepprove.agent.search.moves.recurrences import (
    Recurrence,
    computed,
    known_values,
    needed_indices,
    offset,
    recurrences,
    sequence_values,
    telescope,
)
from stepprove.agent.search.terms.numeric import constants
from stepprove.agent.search.terms.term import Term, free_names, num, replace, show, subterms, var

LONGEST_RUN = 110


def moves(goal: Goal) -> Iterator[Move]:
    """Instantiate universal hypotheses and recurrences at the useful points."""
    if goal.functions:
        for recurrence in recurrences(goal):
            yield from _run(goal, recurrence)
            yield from periodic(goal, recurrence)
            yield from periodic_residues(goal, recurrence)
        yield from _chains(goal)
    yield from _instances(goal)


# Universal hypotheses at useful points.


def _instances(goal: Goal) -> Iterator[Move]:
    points = _points(goal)
    for name, fact in goal.facts:
        variables, guards, _ = telescope(fact)
        if not 1 <= len(variables) <= 2 or not points:
            continue
        premises = " (by omega)" * len(guards)
        tuples = list(itertools.product(points[: 6 if len(variables) == 1 else 3], repeat=len(variables)))
        facts = goal.fresh(*[f"{name}'"] * len(tuples))
        single = [
            f"have {h} := {name} {' '.join(show(p, 100) for p in at)}{premises}"
            for h, at in zip(facts, tuples, strict=True)
        ]
        if not guards and len(single) > 1:
            yield Move("\n".join(single), 0.8, f"{name} at useful points", fact=True)
        for place, line in enumerate(single):
            line = line.replace(facts[place], facts[0], 1)
            yield Move(line, 0.7 + place / 10, f"{name} at {show(tuples[place][0])}", fact=True)


def _points(goal: Goal) -> list[Term]:
    """Return the functions' arguments in the target and the facts, then the constants, 0 and 1."""
    found: dict[Term, None] = {}
    terms = [*([goal.term] if goal.term is not None else []), *goal.propositions]
    for term in terms:
        if term.op in ("∀", "∃"):
            continue
        for part in subterms(term):
            if part.op == "app" and part.args[0].name in goal.functions:
                for argument in part.args[1:]:
                    if free_names(argument) <= goal.names:
                        found[argument] = None
    for variable in goal.variables[:2]:
        found[var(variable)] = None
    for c in [*[*(c for c in constants(goal) if 0 <= c <= 100)][:4], 0, 1]:
        found[num(c)] = None
    return list(found)


def _run(goal: Goal, recurrence: Recurrence) -> Iterator[Move]:
    """Compute the terms one after another up to the last one that the target needs."""
    needed = needed_indices(goal, recurrence.function)
    if not needed or max(needed) > LONGEST_RUN:
        return
    known = known_values(goal, recurrence.function)
    values = sequence_values(goal, recurrence, max(needed))
    lines = []
    for index in range(recurrence.start + recurrence.order, max(needed) + 1):
        if index not in known and index in values:
            n = index - recurrence.order
            lines.append(f"have : {recurrence.equation(num(n))} := {recurrence.proof(str(n))}")
    if lines and all(n in values for n in needed):
        for closer in ("omega", "simp_all", "grind"):
            text = "\n".join([*lines, closer])
            cost = 0.5 + len(lines) / 100 + (0.2 if closer != "omega" else 0)
            yield Move(text, cost, "run the recurrence", closing=True, seconds=20.0)


def _chains(goal: Goal) -> Iterator[Move]:
    """State an equation between neighbouring terms at every point from the known values to the needed ones."""
    for name, fact in goal.facts:
        variables, guards, equation = telescope(fact)
        if len(variables) != 1 or equation.op != "=" or equation.args[0].op == "app":
            continue
        n = variables[0]
        for function in goal.functions:
            places = {
                offset(t.args[1], n)
                for t in subterms(equation)
                if t.op == "app" and t.args[0].name == function and len(t.args) == 2
            }
            offsets = [o for o in places if o is not None]
            points = [*known_values(goal, function), *needed_indices(goal, function)]
            if len(offsets) < 2 or len(offsets) < len(places) or len(points) < 2:
                continue
            first, last = min(points) - min(offsets), max(points) - max(offsets)
            if not 1 <= last - first + 1 <= LONGEST_RUN or min(points) < 0:
                continue
            premises = " (by omega)" * len(guards)
            lines = [
                f"have : {computed(replace(equation, {n: num(k)}), function)} := {name} {k}{premises}"
                for k in range(first, last + 1)
            ]
            text = "\n".join([*lines, "omega"])
            yield Move(text, 0.6 + len(lines) / 200, "chain the equations", closing=True, seconds=25.0)
