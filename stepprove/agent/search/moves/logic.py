"""Moves of pure logic: introduce, destructure, substitute, argue by contradiction."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stepprove.agent.search.goal import Goal, Hypothesis
from stepprove.agent.search.move import Move
from stepprove.agent.search.terms.term import Term, conjuncts, free_names, size, subterms

_BINDERS = re.compile(r"^∀ (?:\{|⦃|\()?([^\W\d][\w' ]*?)(?:\s*[:,)}⦄]|\s*[<≤>≥∈])")


def moves(goal: Goal) -> Iterator[Move]:
    """Yield moves on the shape of the target and of the hypotheses."""
    yield from _introduce(goal)
    yield from _take_apart(goal)
    yield from _substitute(goal)
    yield from _target(goal)
    yield from _modus_ponens(goal)


def _introduce(goal: Goal) -> Iterator[Move]:
    target = goal.term
    names: list[str] = []
    if target is None:
        match = _BINDERS.match(goal.target)
        if match:
            names = match.group(1).split()
        elif goal.target.startswith("¬"):
            names = ["h"]
    else:
        while target.op in ("∀", "→", "¬", "≠"):
            names.append(target.name if target.op == "∀" else "h")
            if target.op in ("¬", "≠"):
                break
            target = target.args[1]
    if names:
        fresh = " ".join(goal.fresh(*(name.removesuffix("✝") for name in names)))
        yield Move(f"intro {fresh}", 0.05, "intro", forced=True)
    elif goal.target.startswith(("∀", "¬")):
        yield Move("intro x", 0.05, "intro", forced=True)


def _take_apart(goal: Goal) -> Iterator[Move]:
    for h in goal.hypotheses:
        if not h.usable:
            continue
        term = h.term
        if term is None:
            if h.type.startswith("∃ "):
                yield Move(f"obtain ⟨x, {h.name}⟩ := {h.name}", 0.1, "obtain", forced=True)
            continue
        if term.op in ("∧", "∃"):
            yield Move(f"obtain {_pattern(goal, h, term)} := {h.name}", 0.05, "obtain", forced=True)
        elif term.op == "↔":
            forward, backward = goal.fresh(h.name + "_mp", h.name + "_mpr")
            yield Move(f"obtain ⟨{forward}, {backward}⟩ := {h.name}", 0.05, "obtain", forced=True)
        elif term.op == "∨":
            linear = all(t.op in ("∨", "∧", "=", "<", "≤", "%", "^", "var", "num") for t in subterms(term))
            cost = 1.2 if linear and len(list(subterms(term))) > 24 else 0.4
            yield Move(f"rcases {h.name} with {h.name} | {h.name}", cost, f"cases {h.name}")
        elif term.op == "¬" and term.args[0].op in ("∧", "∨", "∀", "∃", "→"):
            yield Move(f"simp at {h.name}", 0.5, f"simp at {h.name}")


def _pattern(goal: Goal, h: Hypothesis, term: Term) -> str:
    """Return a pattern that destructures a whole ∧/∃ hypothesis, with names near the old one."""
    names: list[str] = [h.name]
    used: set[str] = set(goal.names) - {h.name}

    def fresh(want: str) -> str:
        name = want
        while name in used:
            name += "'"
        used.add(name)
        return name

    def part(t: Term) -> list[str]:
        if t.op == "∃":
            return [fresh(t.name.removesuffix("✝")), *part(t.args[1])]
        if t.op == "∧":
            return (
                [*part(t.args[0]), *part(t.args[1])]
                if t.args[0].op != "∃"
                else [nested(t.args[0]), *part(t.args[1])]
            )
        return [fresh(names[0])]

    def nested(t: Term) -> str:
        inner = part(t)
        return f"⟨{', '.join(inner)}⟩" if len(inner) > 1 else inner[0]

    if term.op == "∧" and term.args[0].op == "∧":
        return "⟨" + ", ".join(nested(t) for t in (term.args[0], term.args[1])) + "⟩"
    return nested(term)


def _substitute(goal: Goal) -> Iterator[Move]:
    for name, term in goal.facts:
        if term.op != "=":
            continue
        left, right = term.args
        for variable, value in ((left, right), (right, left)):
            if variable.op != "var" or variable.name not in goal.variables:
                continue
            if variable.name in free_names(value):
                continue
            plain = not any(t.op in ("^", "app") for t in subterms(value)) and size(value) <= 12
            yield Move(f"subst {name}", 0.1 if plain else 0.9, "subst", forced=plain)
            break


def _target(goal: Goal) -> Iterator[Move]:
    term = goal.term
    if term is None:
        if " ↔ " in goal.target or " ∧ " in goal.target:
            yield Move("constructor", 0.3, "constructor")
        return
    if term.op == "↔":
        yield Move("constructor", 0.1, "constructor", forced=True)
    elif term.op == "∧":
        count = len(list(conjuncts(term)))
        yield Move(
            f"refine ⟨{', '.join(['?_'] * _right_depth(term, count))}⟩", 0.1, "constructor", forced=True
        )
    elif term.op == "∨":
        yield Move("left", 1.2, "left")
        yield Move("right", 1.3, "right")
    elif term.op == "=" and "→" in goal.kind(_head(term.args[0])) and term.args[0].op == "var":
        yield Move("funext x", 0.3, "funext")
    if term.op in ("<", "≤", ">", "≥", "∣", "∃"):
        (h,) = goal.fresh("h")
        cost = 0.5 if term.op in ("<", "≤", ">", "≥") else 1.1
        yield Move(f"refine Classical.byContradiction fun {h} => ?_", cost, "by contradiction")


def _right_depth(term: Term, count: int) -> int:
    """Return the number of parts of a ∧ b ∧ c along its right spine (parts on the left may be conjunctions)."""
    depth = 1
    while term.op == "∧":
        depth += 1
        term = term.args[1]
    return min(depth, count)


def _head(term: Term) -> str:
    return term.args[0].name if term.op == "app" else term.name


def _modus_ponens(goal: Goal) -> Iterator[Move]:
    """Apply an implication to a premise that the context has."""
    for name, term in goal.facts:
        if term.op == "→":
            yield Move(
                f"have {name} := {name} (by first | assumption | omega | simp_all)", 0.3, f"use {name}"
            )
            if term.args[1] == goal.term:
                yield Move(f"apply {name}", 0.5, f"apply {name}")
    for h in goal.hypotheses:
        if h.usable and (h.type.endswith("→ " + goal.target) or (h.term is not None and h.term.op == "∀")):
            yield Move(f"apply {h.name}", 1.2, f"apply {h.name}")
