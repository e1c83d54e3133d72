"""Induction: plain, from a base, in steps of two, strong; and the case distinction n = 0 or n = m + 1."""

from __future__ import annotations

from collections.abc import Iterator

from stepprove.agent.search.goal import Goal, mentions
from stepprove.agent.search.move import Move
from stepprove.agent.search.terms.term import (
    Term,
    conjuncts,
    free_names,
    literal,
    num,
    replace,
    show,
    subterms,
    var,
)


def moves(goal: Goal) -> Iterator[Move]:
    """Yield inductions on each natural number in the target, and strengthenings that help them."""
    yield from _without_subtraction(goal)
    named = _named_in_target(goal)
    for name in goal.naturals:
        if name in named and _grows(goal, name):
            yield from _on(goal, name)


def _named_in_target(goal: Goal) -> set[str]:
    if goal.term is not None:
        return free_names(goal.term)
    return set(goal.target.replace("(", " ").replace(")", " ").replace(",", " ").split())


def _grows(goal: Goal, name: str) -> bool:
    """Return whether induction on the number helps: it stands in a power, a product, a function or an unparsed term."""
    if goal.term is None:
        return True
    return any(t.op in ("^", "*", "app") and name in free_names(t) for t in subterms(goal.term))


def _on(goal: Goal, name: str) -> Iterator[Move]:
    used = mentions(goal, name)
    facts = [h for h, _ in used]
    (ih,) = goal.fresh("ih")
    base = _base(goal, name)
    powers = goal.term is not None and any(
        (t.op == "^" and name in free_names(t.args[1])) or (t.op == "app" and name in free_names(t))
        for t in subterms(goal.term)
    )
    cost = 0.6 if powers else 1.2
    others = [v for v in goal.naturals if v != name and v in _named_in_target(goal)]
    plain = f"induction {name} with\n| zero => ?_\n| succ {name} {ih} => ?_"
    label = f"induction {name}"
    if base:
        value, bound = base
        (shifted,) = goal.fresh("m" if name != "m" else "k")
        drop = [h for h in facts if h in bound]
        from_base = (
            f"obtain ⟨{shifted}, rfl⟩ : ∃ {shifted}, {name} = {shifted} + {value} := "
            f"⟨{name} - {value}, by omega⟩\n"
            + (f"clear {' '.join(drop)}\n" if drop else "")
            + f"induction {shifted} with\n| zero => ?_\n| succ {shifted} {ih} => ?_"
        )
        yield Move(from_base, cost, f"induction from {value}")
        if len(bound) == len(facts):
            yield Move(f"clear {' '.join(facts)}\n{plain}", cost + 0.05, label)
    yield Move(plain, cost + (0.3 if facts else 0.0), label)
    if others:
        generalised = plain.replace(" with", f" generalizing {' '.join(others)} with", 1)
        yield Move(generalised, cost + 0.2, f"{label} generalizing {' '.join(others)}")
    yield Move(f"cases {name} with\n| zero => ?_\n| succ {name} => ?_", cost + 0.2, f"cases {name}")
    if not facts and goal.term is not None:
        yield Move(
            _two_step(goal, name, ih),
            cost + (0.0 if _second_order(goal) else 0.5),
            f"induction {name} in steps of two",
        )
    yield Move(
        f"induction {name} using Nat.strongRecOn with\n| _ {name} {ih} => ?_",
        cost + 0.7,
        f"strong induction {name}",
    )


def _two_step(goal: Goal, name: str, ih: str) -> str:
    """Prove two neighbouring cases at once, so that each step can use both."""
    assert goal.term is not None
    (h,) = goal.fresh("h")
    following = replace(goal.term, {name: Term("+", (var(name), num(1)))})
    return (
        f"suffices {h} : {show(Term('∧', (goal.term, following)))} from {h}.1\n"
        f"induction {name} with\n"
        f"| zero => ?_\n"
        f"| succ {name} {ih} => ?_"
    )


def _second_order(goal: Goal) -> bool:
    """Return whether some hypothesis relates f n, f (n + 1) and f (n + 2)."""
    return any(
        fact.op == "∀" and part.op == "+" and part.args == (var(fact.name), num(2))
        for _, fact in goal.facts
        for part in subterms(fact)
    )


def _base(goal: Goal, name: str) -> tuple[int, list[str]] | None:
    """Return the least value that the hypotheses allow for `name`, and the facts that state it."""
    best, facts = 0, []
    for h, fact in goal.facts:
        for part in conjuncts(fact):
            least = lower_bound(part, name)
            if least is not None:
                facts.append(h)
                best = max(best, least)
    return (best, facts) if best else None


def lower_bound(fact: Term, name: str) -> int | None:
    """Return the least natural value of `name` that a fact k ≤ n, k < n or n ≠ 0 allows."""
    if len(fact.args) != 2:
        return None
    left, right = fact.args
    if fact.op in (">", "≥"):
        left, right = right, left
    value = literal(left)
    if right.op == "var" and right.name == name and value is not None:
        if fact.op in ("≤", "≥"):
            return value
        if fact.op in ("<", ">"):
            return value + 1
    if fact.op == "≠" and left.op == "var" and left.name == name and literal(right) == 0:
        return 1
    return None


def _without_subtraction(goal: Goal) -> Iterator[Move]:
    """Prove a + c = b in place of a = b - c in ℕ: truncated subtraction spoils an induction."""
    term = goal.term
    if term is None or term.op != "=" or not goal.naturals:
        return
    left, right = term.args
    (h,) = goal.fresh("h")
    for a, b in ((left, right), (right, left)):
        if b.op == "-":
            moved = Term("=", (Term("+", (a, b.args[1])), b.args[0]))
            yield Move(f"suffices {h} : {moved} by omega", 0.3, "move the subtraction over")
