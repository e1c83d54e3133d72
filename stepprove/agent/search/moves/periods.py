"""Periods of sequences: a repeating sequence reduces large indices, and so do repeating residues."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from stepprove.agent.search.goal import Goal
from stepprove.agent.search.move import Move
from stepprove.agent.search.moves.recurrences import (
    Recurrence,
    known_values,
    needed_indices,
    plus,
    sequence_values,
    sum_of,
)
from stepprove.agent.search.terms.term import Term, literal, num, subterms, var

LONGEST_PERIOD = 30


def periodic(goal: Goal, recurrence: Recurrence) -> Iterator[Move]:
    """Prove the period of a sequence that repeats, and reduce large indices by it."""
    needed = needed_indices(goal, recurrence.function)
    if not needed or max(needed) < 12:
        return
    values = sequence_values(goal, recurrence, min(max(needed), 400))
    found = _period([values.get(i) for i in range(401)], recurrence.order)
    if found is None:
        return
    start, period = found
    start = max(start, recurrence.start)
    f = recurrence.function
    step, all_steps, n, q, ih = goal.fresh("step", "period", "n", "q", "ih")
    lines = [
        f"have {step} : ∀ {n}, {f} ({n} + {start + period}) = {f} ({plus(n, start)}) := by",
        f"  intro {n}",
    ]
    for j in range(period):
        at = f"{n} + {start + j}" if start + j else n
        term = sum_of(var(n), start + j)
        lines.append(f"  have : {recurrence.equation(term)} := {recurrence.proof(at)}")
    lines += [
        "  omega",
        f"have {all_steps} : ∀ {q} r, {f} ({period} * {q} + (r + {start})) = {f} (r + {start}) := by",
        f"  intro {q} r",
        f"  induction {q} with",
        "  | zero => simp",
        f"  | succ {q} {ih} =>",
        f"    have := {step} ({period} * {q} + r)",
        f"    rw [show {period} * ({q} + 1) + (r + {start}) = "
        f"{period} * {q} + r + {start + period} by omega, this,",
        f"      show {period} * {q} + r + {start} = {period} * {q} + (r + {start}) by omega, {ih}]",
    ]
    known = known_values(goal, f)
    residues = set()
    for index in needed:
        if index >= start + period:
            quotient, rest = divmod(index - start, period)
            residues.add(rest + start)
            lines.append(f"have : {f} {index} = {f} {rest + start} := {all_steps} {quotient} {rest}")
        else:
            residues.add(index)
    for index in range(recurrence.start + recurrence.order, max(residues, default=0) + 1):
        if index not in known:
            m = index - recurrence.order
            lines.append(f"have : {recurrence.equation(num(m))} := {recurrence.proof(str(m))}")
    lines.append("omega")
    yield Move("\n".join(lines), 0.6, f"{f} has period {period}", closing=True, seconds=30.0)


def _period(values: list[int | None], order: int) -> tuple[int, int] | None:
    """Return (start, period) of a sequence from its first values."""
    first = next((i for i, v in enumerate(values) if v is not None), None)
    if first is None:
        return None
    known = list(itertools.takewhile(lambda v: v is not None, values[first:]))
    for start in range(min(6, len(known))):
        for period in range(1, LONGEST_PERIOD + 1):
            tail = known[start:]
            if len(tail) >= 2 * period + order and all(
                a == b for a, b in zip(tail, tail[period:], strict=False)
            ):
                return first + start, period
    return None


def periodic_residues(goal: Goal, recurrence: Recurrence) -> Iterator[Move]:
    """State a window of residues by class of n for a growing sequence with periodic residues mod m."""
    needed = needed_indices(goal, recurrence.function)
    moduli = {
        literal(t.args[1])
        for t in subterms(goal.term or num(0))
        if t.op == "%" and literal(t.args[1]) is not None
    }
    if not needed or max(needed) < 12 or recurrence.start > 1:
        return
    values = sequence_values(goal, recurrence, min(max(needed), 400))
    for modulus in sorted(m for m in moduli if m):
        residues = [None if values.get(i) is None else values[i] % modulus for i in range(401)]
        found = _period(residues, recurrence.order)
        if found is None or found[0] > 1:
            continue
        start, period = found
        f, width = recurrence.function, recurrence.order
        key, n, ih, h = goal.fresh("key", "n", "ih", "h")
        cases = [
            " ∧ ".join([f"{n} % {period} = {r}"] if period > 1 else [f"0 ≤ {n}"])
            + "".join(
                f" ∧ {f} ({plus(n, start + i)}) % {modulus} = {residues[start + (r + i)]}"
                for i in range(width)
            )
            for r in range(period)
        ]
        top = sum_of(sum_of(Term("+", (var(n), num(1))), start), width - 1)
        equation = recurrence.equation(sum_of(var(n), start))
        lines = [
            f"have {key} : ∀ {n}, " + " ∨ ".join(f"({c})" for c in cases) + " := by",
            f"  intro {n}",
            f"  induction {n} with",
            "  | zero => simp_all",
            f"  | succ {n} {ih} =>",
            f"    have {h} : {equation} := {recurrence.proof(plus(n, start) if start else n)}",
            f"    simp only [Nat.add_assoc, Nat.reduceAdd] at {ih} ⊢",
            f"    rcases {ih} with {' | '.join([ih] * period)} <;> omega",
        ]
        lines += [f"have {h} := {key} {index - start}" for index in needed if index >= start]
        lines += [f"simp only [Nat.reduceAdd, Nat.reduceMod] at {h}", "omega"]
        assert top.op
        yield Move(
            "\n".join(lines), 0.6, f"{f} mod {modulus} has period {period}", closing=True, seconds=30.0
        )
