"""Recurrences among the hypotheses, and the values that they give."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stepprove.agent.search.goal import Goal
from stepprove.agent.search.terms.bounded import NotEvaluated
from stepprove.agent.search.terms.numeric import Valuation, value
from stepprove.agent.search.terms.term import Term, literal, num, replace, subterms, var


def telescope(fact: Term) -> tuple[list[str], list[Term], Term]:
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
            argument = str(int(n) + self.order) if n.isdigit() else plus(n, self.order)
        argument = argument if argument.isdigit() or argument.isidentifier() else f"({argument})"
        return f"{self.hypothesis} {argument}" + (" (by omega)" if self.guarded else "")

    def equation(self, n: Term) -> str:
        """Return the statement at n, with the function's arguments computed."""
        left = Term("app", (var(self.function), sum_of(n, self.order)))
        right = computed(replace(self.body, {self.variable: n}), self.function)
        return f"{left} = {right}"


def recurrences(goal: Goal) -> Iterator[Recurrence]:
    """Yield the recurrences that hypotheses state."""
    for name, fact in goal.facts:
        variables, guards, equation = telescope(fact)
        if len(variables) != 1 or equation.op != "=":
            continue
        left, right = equation.args
        n = variables[0]
        if left.op != "app" or len(left.args) != 2 or len(goal.functions.get(left.args[0].name, ())) != 2:
            continue
        function = left.args[0].name
        lead = offset(left.args[1], n)
        inner = [offset(t.args[1], n) for t in subterms(right) if t.op == "app" and t.args[0] == left.args[0]]
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
        body = replace(right, {n: sum_of(var(n), shift)})
        start = max(0, low - shift)
        if any(o < 0 for o in offsets) and low + min(offsets) < 0:
            start = max(start, 0)
        yield Recurrence(function, n, order, start, body, name, shift > 0, bool(guards))


def offset(term: Term, n: str) -> int | None:
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


def sum_of(term: Term, k: int) -> Term:
    """Return a term plus a number, computed where the term ends in a number."""
    if term.op == "num":
        known = literal(term)
        return Term("+", (term, num(k))) if known is None else num(known + k)
    if term.op == "+" and (last := literal(term.args[1])) is not None:
        return sum_of(term.args[0], last + k)
    if k == 0:
        return term
    return Term("+", (term, num(k)))


def plus(text: str, k: int) -> str:
    """Return a text plus a number, computed where the text ends in a number."""
    head, sign, last = text.rpartition(" + ")
    if sign and last.isdigit() and (known := literal(Term("num", name=last))) is not None:
        return f"{head} + {known + k}"
    return f"{text} + {k}" if k else text


def computed(term: Term, function: str) -> Term:
    """Compute the function's arguments of the form n + a - b."""
    if term.op == "app" and term.args[0].name == function:
        return Term("app", (term.args[0], _argument(term.args[1])))
    return Term(term.op, tuple(computed(a, function) for a in term.args), term.name)


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


def needed_indices(goal: Goal, function: str) -> list[int]:
    """Return the function's literal arguments in the target."""
    if goal.term is None:
        return []
    found = {
        literal(t.args[1])
        for t in subterms(goal.term)
        if t.op == "app" and t.args[0].name == function and len(t.args) == 2
    }
    return sorted(n for n in found if n is not None)


def known_values(goal: Goal, function: str) -> dict[int, tuple[str, int]]:
    """Return the values that facts state outright: index to (fact, value)."""
    found = {}
    for name, fact in goal.facts:
        if fact.op == "=" and fact.args[0].op == "app" and fact.args[0].args[0].name == function:
            index, known = literal(fact.args[0].args[-1]), literal(fact.args[1])
            if index is not None and known is not None and len(fact.args[0].args) == 2:
                found[index] = (name, known)
    return found


def sequence_values(goal: Goal, recurrence: Recurrence, last: int) -> dict[int, int]:
    """Compute the sequence as far as possible, up to index `last`."""
    values = {i: v for i, (_, v) in known_values(goal, recurrence.function).items()}

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
