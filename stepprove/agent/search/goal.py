"""A goal as data: the hypotheses and the target in Lean's pretty printer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from stepprove.agent.search.terms.term import Term, conjuncts, free_names, parse

_NAT = frozenset({"ℕ", "Nat"})
_INT = frozenset({"ℤ", "Int"})
MOST_FACTS, MOST_VARIABLES = 100, 40
"""Facts and variables of a goal that moves and experiments use: the first ones."""
_HYPOTHESIS = re.compile(r"^([^\s:⊢][^:⊢]*?) :\s(.*)$", re.S)


@dataclass(frozen=True)
class Hypothesis:
    """One name of the context, its type and, for a `let`, its value, as Lean prints them."""

    name: str
    type: str
    value: str | None = None

    @cached_property
    def term(self) -> Term | None:
        """The type as a term; None outside the language of `term.py`."""
        return parse(self.type)

    @property
    def usable(self) -> bool:
        """Whether a tactic can name it: Lean marks inaccessible names with a dagger."""
        return "✝" not in self.name and not self.name.startswith("inst")


@dataclass(frozen=True)
class Goal:
    """The hypotheses in order, and the target."""

    hypotheses: tuple[Hypothesis, ...]
    target: str
    case: str | None = None

    @cached_property
    def term(self) -> Term | None:
        """The target as a term; None outside the language of `term.py`."""
        return parse(self.target)

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name in the context."""
        return frozenset(h.name for h in self.hypotheses)

    @cached_property
    def naturals(self) -> tuple[str, ...]:
        """Variables of type ℕ that a tactic can name."""
        return tuple(h.name for h in self.hypotheses if h.type in _NAT and h.usable and h.value is None)

    @cached_property
    def integers(self) -> tuple[str, ...]:
        """Variables of type ℤ that a tactic can name."""
        return tuple(h.name for h in self.hypotheses if h.type in _INT and h.usable and h.value is None)

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """Variables of type ℕ or ℤ, naturals first; at most `MOST_VARIABLES`."""
        return (self.naturals + self.integers)[:MOST_VARIABLES]

    @cached_property
    def facts(self) -> tuple[tuple[str, Term], ...]:
        """Hypotheses that parse as propositions: (name, term); at most `MOST_FACTS`."""
        facts: list[tuple[str, Term]] = []
        for h in self.hypotheses:
            if len(facts) == MOST_FACTS:
                break
            term = h.term
            if term is not None and h.usable and is_proposition(term):
                facts.append((h.name, term))
        return tuple(facts)

    @cached_property
    def propositions(self) -> tuple[Term, ...]:
        """The facts, with conjunctions split."""
        parts = (part for _, term in self.facts for part in conjuncts(term))
        return tuple(islice(parts, MOST_FACTS))

    @cached_property
    def functions(self) -> dict[str, tuple[str, ...]]:
        """Functions on numbers: name to argument types, then the value's type."""
        found = {}
        for h in self.hypotheses:
            parts = [p.strip() for p in h.type.split("→")]
            if h.usable and len(parts) > 1 and all(p in _NAT | _INT for p in parts):
                found[h.name] = tuple(parts)
        return found

    def kind(self, name: str) -> str:
        """Return the printed type of `name`; "" if it is not in the context."""
        return next((h.type for h in self.hypotheses if h.name == name), "")

    def is_natural(self, name: str) -> bool:
        """Return whether `name` is a natural number."""
        return self.kind(name) in _NAT

    def fresh(self, *wanted: str) -> list[str]:
        """Return unused names, as close to the wanted ones as the context allows."""
        used = set(self.names)
        names = []
        for want in wanted:
            name, count = want, 0
            while name in used:
                count += 1
                name = f"{want}{_subscript(count)}"
            used.add(name)
            names.append(name)
        return names

    @cached_property
    def key(self) -> str:
        """A key that ignores the order of hypotheses and repeated facts."""
        known: dict[str, str] = {}
        for h in self.hypotheses:
            known.setdefault(
                h.type if h.term is not None and is_proposition(h.term) else f"{h.name} : {h.type}", h.name
            )
        return "\n".join([*sorted(f"{name} | {line}" for line, name in known.items()), "⊢ " + self.target])


def is_proposition(term: Term) -> bool:
    """Return whether the head of a term shows a proposition."""
    return term.op in ("=", "≠", "<", "≤", ">", "≥", "∣", "∧", "∨", "↔", "¬", "∀", "∃") or (
        term.op == "→" and is_proposition(term.args[1])
    )


def _subscript(count: int) -> str:
    return "".join("₀₁₂₃₄₅₆₇₈₉"[int(d)] for d in str(count))


def parse_goal(text: str) -> Goal:
    """Parse a goal as Lean prints it (`case …`, `a b : T`, `⊢ target`).

    Raises:
        ValueError: the text has no target.
    """
    entries: list[str] = []
    target: str | None = None
    case = None
    for line in text.strip("\n").splitlines():
        if target is not None:
            target += "\n" + line
        elif line.startswith("⊢"):
            target = line[1:].lstrip()
        elif line.startswith("case ") and not entries:
            case = line[5:].strip()
        elif line.startswith(" ") and entries:
            entries[-1] += "\n" + line
        elif line.strip():
            entries.append(line)
    if target is None:
        raise ValueError(f"not a goal: {text!r}")
    hypotheses: list[Hypothesis] = []
    for entry in entries:
        hypotheses.extend(_hypotheses(entry))
    return Goal(tuple(hypotheses), _flat(target), case)


def _hypotheses(entry: str) -> Iterable[Hypothesis]:
    match = _HYPOTHESIS.match(entry)
    if not match:
        return
    kind, assign, value = _flat(match.group(2)).partition(" := ")
    for name in match.group(1).split():
        yield Hypothesis(name, _flat(kind), _flat(value) if assign else None)


def _flat(text: str) -> str:
    return " ".join(text.split())


def mentions(goal: Goal, name: str) -> list[tuple[str, Term]]:
    """Return the facts that mention `name`."""
    return [(h, t) for h, t in goal.facts if name in free_names(t)]
