"""Moves on functions and sequences: instantiate functional equations, run recurrences, find periods."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stepprove.agent.search.bounded import NotEvaluated
from stepprove.agent.search.goal import Goal
from stepprove.agent.search.move import Move
from stepprove.agent.search.numeric import Valuation, constants, value
from stepprove.agent.search.term import Term, free_names, literal, num, replace, show, subterms, var

LONGEST_RUN = 110
LONGEST_PERIOD = 30


def moves(goal: Goal) -> Iterator[Move]:
    """Instantiate universal hypotheses and recurrences at the useful points."""
    if goal.functions:
        for recurrence in _recurrences(goal):
            yield from _run(goal, recurrence)
            yield from _periodic(goal, recurrence)
            yield from _periodic_residues(goal, recurrence)
        yield from _chains(goal)
    yield from _instances(goal)


# Universal hypotheses at useful points.


def _instances(goal: Goal) -> Iterator[Move]:
    points = _points(goal)
    for name, fact in goal.facts:
        variables, guards, _ = _telescope(fact)
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


def _telescope(fact: Term) -> tuple[list[str], list[Term], Term]:
    """Return the bound variables, premises and conclusion of ∀ x y, p → q → r."""
    variables: list[str] = []
    guards: list[Term] = []
    while fact.op in ("∀", "→"):
        if fact.op == "∀":
            variables.append(fact.name)
            fact = fact.args[1]
        else:
            guards.append(fact.args[0])
            fact = fact.args[1]
    return variables, guards, fact


# Recurrences.


@dataclass(frozen=True)
class Recurrence:
    """A recurrence: f (n + order) in terms of f n … f (n + order - 1), for n ≥ start.

    `equation(n)` is the statement at n as text; `proof(n)` proves it.
    """

    function: str
    variable: str
    order: int
    start: int
    body: Term  # the right-hand side at n + order, with `variable` for n
    hypothesis: str
    shifted: bool  # the hypothesis mentions f n, f (n - 1) …
    guarded: bool

    def proof(self, n: str) -> str:
        """Return a term that proves the equation at n (a numeral or `m + k`)."""
        argument = n
        if self.shifted and self.order:
            argument = str(int(n) + self.order) if n.isdigit() else _plus(n, self.order)
        argument = argument if argument.isdigit() or argument.isidentifier() else f"({argument})"
        return f"{self.hypothesis} {argument}" + (" (by omega)" if self.guarded else "")

    def equation(self, n: Term) -> str:
        """Return the statement at n, with the function's arguments computed."""
        left = Term("app", (var(self.function), _sum(n, self.order)))
        right = _computed(replace(self.body, {self.variable: n}), self.function)
        return f"{left} = {right}"


def _recurrences(goal: Goal) -> Iterator[Recurrence]:
    for name, fact in goal.facts:
        variables, guards, equation = _telescope(fact)
        if len(variables) != 1 or equation.op != "=":
            continue
        left, right = equation.args
        n = variables[0]
        if left.op != "app" or len(left.args) != 2 or len(goal.functions.get(left.args[0].name, ())) != 2:
            continue
        function = left.args[0].name
        lead = _offset(left.args[1], n)
        inner = [
            _offset(t.args[1], n) for t in subterms(right) if t.op == "app" and t.args[0] == left.args[0]
        ]
        offsets = [o for o in inner if o is not None]
        if lead is None or not offsets or len(offsets) < len(inner) or any(o >= lead for o in offsets):
            continue
        low = _least(guards, n)
        if low is None:
            continue
        order = lead - min(offsets)
        shift = order - lead  # n := m + shift makes the left side f (m + order)
        if shift < 0:
            continue
        body = replace(right, {n: _sum(var(n), shift)})
        start = max(0, low - shift)
        if any(o < 0 for o in offsets) and low + min(offsets) < 0:
            start = max(start, 0)
        yield Recurrence(function, n, order, start, body, name, shift > 0, bool(guards))


def _offset(term: Term, n: str) -> int | None:
    """Return k if the term is n + k (k may be negative)."""
    if term == var(n):
        return 0
    if term.op in ("+", "-") and term.args[0] == var(n):
        k = literal(term.args[1])
        return None if k is None else k if term.op == "+" else -k
    return None


def _least(guards: list[Term], n: str) -> int | None:
    """Return the least n that the premises allow; None for other kinds of premises."""
    if not guards:
        return 0
    if len(guards) > 1:
        return None
    left, right = guards[0].args if len(guards[0].args) == 2 else (guards[0], guards[0])
    if guards[0].op in ("≥", ">"):
        left, right = right, left
    k = literal(left)
    if right != var(n) or k is None:
        return None
    return k if guards[0].op in ("≤", "≥") else k + 1


def _sum(term: Term, k: int) -> Term:
    if term.op == "num":
        known = literal(term)
        return Term("+", (term, num(k))) if known is None else num(known + k)
    if term.op == "+" and (last := literal(term.args[1])) is not None:
        return _sum(term.args[0], last + k)
    if k == 0:
        return term
    return Term("+", (term, num(k)))


def _plus(text: str, k: int) -> str:
    head, plus, last = text.rpartition(" + ")
    if plus and last.isdigit() and (known := literal(Term("num", name=last))) is not None:
        return f"{head} + {known + k}"
    return f"{text} + {k}" if k else text


def _computed(term: Term, function: str) -> Term:
    """Compute the function's arguments of the form n + a - b."""
    if term.op == "app" and term.args[0].name == function:
        return Term("app", (term.args[0], _argument(term.args[1])))
    return Term(term.op, tuple(_computed(a, function) for a in term.args), term.name)


def _argument(term: Term) -> Term:
    if term.op in ("+", "-"):
        inner = _argument(term.args[0])
        k = literal(term.args[1])
        if k is not None:
            known = literal(inner)
            k = k if term.op == "+" else -k
            if known is not None:
                return num(known + k)
            if inner.op == "+" and (last := literal(inner.args[1])) is not None:
                return _shifted(inner.args[0], last + k)
            return _shifted(inner, k)
    return term


def _shifted(term: Term, k: int) -> Term:
    return Term("+", (term, num(k))) if k > 0 else term if k == 0 else Term("-", (term, num(-k)))


def _needed(goal: Goal, function: str) -> list[int]:
    """Return the function's literal arguments in the target."""
    if goal.term is None:
        return []
    found = {
        literal(t.args[1])
        for t in subterms(goal.term)
        if t.op == "app" and t.args[0].name == function and len(t.args) == 2
    }
    return sorted(n for n in found if n is not None)


def _known(goal: Goal, function: str) -> dict[int, tuple[str, int]]:
    """Return the values that facts state outright: index to (fact, value)."""
    found = {}
    for name, fact in goal.facts:
        if fact.op == "=" and fact.args[0].op == "app" and fact.args[0].args[0].name == function:
            index, known = literal(fact.args[0].args[-1]), literal(fact.args[1])
            if index is not None and known is not None and len(fact.args[0].args) == 2:
                found[index] = (name, known)
    return found


def _values(goal: Goal, recurrence: Recurrence, last: int) -> dict[int, int]:
    """Compute the sequence as far as possible, up to index `last`."""
    values = {i: v for i, (_, v) in _known(goal, recurrence.function).items()}

    def lookup(i: int) -> int:
        if i not in values:
            raise NotEvaluated(str(i))
        return values[i]

    kinds = goal.functions[recurrence.function]
    natural_value = kinds[-1] in ("ℕ", "Nat")
    functions: dict[str, Callable[..., int]] = {recurrence.function: lookup}
    for n in range(recurrence.start, last - recurrence.order + 1):
        at = Valuation(
            {recurrence.variable: n},
            frozenset({recurrence.variable}) if kinds[0] in ("ℕ", "Nat") else frozenset(),
            functions,
            frozenset({recurrence.function}) if natural_value else frozenset(),
        )
        try:
            known = value(recurrence.body, at, natural_value)
        except NotEvaluated:
            continue
        if values.setdefault(n + recurrence.order, known) != known or abs(known) > 1 << 400:
            break
    return values


def _run(goal: Goal, recurrence: Recurrence) -> Iterator[Move]:
    """Compute the terms one after another up to the last one that the target needs."""
    needed = _needed(goal, recurrence.function)
    if not needed or max(needed) > LONGEST_RUN:
        return
    known = _known(goal, recurrence.function)
    values = _values(goal, recurrence, max(needed))
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
        variables, guards, equation = _telescope(fact)
        if len(variables) != 1 or equation.op != "=" or equation.args[0].op == "app":
            continue
        n = variables[0]
        for function in goal.functions:
            places = {
                _offset(t.args[1], n)
                for t in subterms(equation)
                if t.op == "app" and t.args[0].name == function and len(t.args) == 2
            }
            offsets = [o for o in places if o is not None]
            points = [*_known(goal, function), *_needed(goal, function)]
            if len(offsets) < 2 or len(offsets) < len(places) or len(points) < 2:
                continue
            first, last = min(points) - min(offsets), max(points) - max(offsets)
            if not 1 <= last - first + 1 <= LONGEST_RUN or min(points) < 0:
                continue
            premises = " (by omega)" * len(guards)
            lines = [
                f"have : {_computed(replace(equation, {n: num(k)}), function)} := {name} {k}{premises}"
                for k in range(first, last + 1)
            ]
            text = "\n".join([*lines, "omega"])
            yield Move(text, 0.6 + len(lines) / 200, "chain the equations", closing=True, seconds=25.0)


def _periodic(goal: Goal, recurrence: Recurrence) -> Iterator[Move]:
    """Prove the period of a sequence that repeats, and reduce large indices by it."""
    needed = _needed(goal, recurrence.function)
    if not needed or max(needed) < 12:
        return
    values = _values(goal, recurrence, min(max(needed), 400))
    found = _period([values.get(i) for i in range(401)], recurrence.order)
    if found is None:
        return
    start, period = found
    start = max(start, recurrence.start)
    f = recurrence.function
    step, all_steps, n, q, ih = goal.fresh("step", "period", "n", "q", "ih")
    lines = [
        f"have {step} : ∀ {n}, {f} ({n} + {start + period}) = {f} ({_plus(n, start)}) := by",
        f"  intro {n}",
    ]
    for j in range(period):
        at = f"{n} + {start + j}" if start + j else n
        term = _sum(var(n), start + j)
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
    known = _known(goal, f)
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


def _periodic_residues(goal: Goal, recurrence: Recurrence) -> Iterator[Move]:
    """State a window of residues by class of n for a growing sequence with periodic residues mod m."""
    needed = _needed(goal, recurrence.function)
    moduli = {
        literal(t.args[1])
        for t in subterms(goal.term or num(0))
        if t.op == "%" and literal(t.args[1]) is not None
    }
    if not needed or max(needed) < 12 or recurrence.start > 1:
        return
    values = _values(goal, recurrence, min(max(needed), 400))
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
                f" ∧ {f} ({_plus(n, start + i)}) % {modulus} = {residues[start + (r + i)]}"
                for i in range(width)
            )
            for r in range(period)
        ]
        top = _sum(_sum(Term("+", (var(n), num(1))), start), width - 1)
        equation = recurrence.equation(_sum(var(n), start))
        lines = [
            f"have {key} : ∀ {n}, " + " ∨ ".join(f"({c})" for c in cases) + " := by",
            f"  intro {n}",
            f"  induction {n} with",
            "  | zero => simp_all",
            f"  | succ {n} {ih} =>",
            f"    have {h} : {equation} := {recurrence.proof(_plus(n, start) if start else n)}",
            f"    simp only [Nat.add_assoc, Nat.reduceAdd] at {ih} ⊢",
            f"    rcases {ih} with {' | '.join([ih] * period)} <;> omega",
        ]
        lines += [f"have {h} := {key} {index - start}" for index in needed if index >= start]
        lines += [f"simp only [Nat.reduceAdd, Nat.reduceMod] at {h}", "omega"]
        assert top.op
        yield Move(
            "\n".join(lines), 0.6, f"{f} mod {modulus} has period {period}", closing=True, seconds=30.0
        )
