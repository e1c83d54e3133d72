"""Theorems of logic: implications, connectives, quantifiers."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from itertools import pairwise, product

from stepprove.train.data.families.names import LOWER, PROPOSITIONS, binders, hypotheses


def chain(rng: random.Random) -> tuple[str, str]:
    """Implications in a row, one of them perhaps beside the point, in any order."""
    props = rng.sample(rng.choice((PROPOSITIONS, LOWER)), rng.choice((3, 4)))
    links = [f"{a} → {b}" for a, b in pairwise(props)]
    rng.shuffle(links)
    if rng.random() < 0.5:
        facts, claim = [*links, props[0]], props[-1]
    else:
        facts, claim = links, f"{props[0]} → {props[-1]}"
    rng.shuffle(facts)
    names = hypotheses(rng, len(facts))
    bound = [
        f"({' '.join(sorted(props))} : Prop)",
        *(f"({h} : {f})" for h, f in zip(names, facts, strict=True)),
    ]
    return "", binders(bound, claim)


def conjunction(rng: random.Random) -> tuple[str, str]:
    """A conjunction put together from the parts of others."""
    props = rng.sample(rng.choice((PROPOSITIONS, LOWER)), 3)
    (first, second, third) = props
    given = rng.choice((f"{first} ∧ {second} ∧ {third}", f"({first} ∧ {second}) ∧ {third}"))
    wanted = rng.sample(props, 2)
    claim = rng.choice((f"{wanted[0]} ∧ {wanted[1]}", f"{wanted[1]} ∧ {wanted[0]}"))
    if rng.random() < 0.4:
        claim = rng.choice((f"{wanted[0]} ∨ {claim}", f"({claim}) ∨ {wanted[0]}"))
    name = hypotheses(rng, 1)[0]
    return "", binders([f"({' '.join(sorted(props))} : Prop)", f"({name} : {given})"], claim)


def _formula(
    rng: random.Random, props: Sequence[str], depth: int
) -> tuple[str, Callable[[dict[str, bool]], bool]]:
    if depth == 0 or rng.random() < 0.2:
        p = rng.choice(props)
        return p, lambda v: v[p]
    if rng.random() < 0.2:
        text, meaning = _formula(rng, props, 0)
        return f"¬{text}", lambda v: not meaning(v)
    left, lm = _formula(rng, props, depth - 1)
    right, rm = _formula(rng, props, depth - 1)
    sign = rng.choice("∧∨→")
    left, right = (f"({t})" if " " in t else t for t in (left, right))
    if sign == "∧":
        return f"{left} ∧ {right}", lambda v: lm(v) and rm(v)
    if sign == "∨":
        return f"{left} ∨ {right}", lambda v: lm(v) or rm(v)
    return f"{left} → {right}", lambda v: not lm(v) or rm(v)


def tautology(rng: random.Random) -> tuple[str, str]:
    """An implication that truth tables prove; neither side is always true or always false."""
    while True:
        props = rng.sample(rng.choice((PROPOSITIONS, LOWER)), rng.choice((2, 3)))
        left, lm = _formula(rng, props, 2)
        right, rm = _formula(rng, props, 2)
        if left == right or len(left) + len(right) > 40:
            continue
        rows = [dict(zip(props, row, strict=True)) for row in product((False, True), repeat=len(props))]
        ls, rs = [lm(row) for row in rows], [rm(row) for row in rows]
        if not any(ls) or all(rs) or not all(b or not a for a, b in zip(ls, rs, strict=True)):
            continue
        used = [p for p in sorted(props) if p in left + right]
        sign = "↔" if ls == rs else "→"
        a, b = (f"({t})" if " " in t else t for t in (left, right))
        return "", binders([f"({' '.join(used)} : Prop)"], f"{a} {sign} {b}")


def some_and_all(rng: random.Random) -> tuple[str, str]:
    """Quantifiers moved over connectives."""
    x = rng.choice(("x", "y", "a", "n"))
    p, q = rng.sample(("p", "q", "P", "Q"), 2)
    h = hypotheses(rng, 1)[0]
    kind = rng.choice(("Nat", "Int", "Bool"))
    claims = (
        (f"∃ {x}, {p} {x} ∧ {q} {x}", f"∃ {x}, {q} {x} ∧ {p} {x}"),
        (f"∃ {x}, {p} {x} ∧ {q} {x}", f"∃ {x}, {p} {x}"),
        (f"∃ {x}, {p} {x}", f"∃ {x}, {p} {x} ∨ {q} {x}"),
        (f"∀ {x}, {p} {x} ∧ {q} {x}", f"(∀ {x}, {p} {x}) ∧ ∀ {x}, {q} {x}"),
        (f"∀ {x}, {p} {x} ∧ {q} {x}", f"∀ {x}, {q} {x} ∧ {p} {x}"),
        (f"∀ {x}, {p} {x}", f"¬∃ {x}, ¬{p} {x}"),
        (f"¬∃ {x}, {p} {x}", f"∀ {x}, ¬{p} {x}"),
        (f"∃ {x}, ¬{p} {x}", f"¬∀ {x}, {p} {x}"),
    )
    given, claim = rng.choice(claims)
    used = " ".join(sorted({p, q} & set(re.findall(r"\w+", given + claim))))
    return "", binders([f"({used} : {kind} → Prop)", f"({h} : {given})"], claim)
