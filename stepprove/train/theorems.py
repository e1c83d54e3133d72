"""Theorems by the thousand over naturals, integers, booleans, lists and propositions, for models to learn on.

Each family writes statements of one kind with names, numbers and shapes drawn at random. Nothing here knows a proof: what is
true is found out by Lean, and what cannot be proved is dropped later.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise, product, zip_longest

__all__ = ["FAMILIES", "Theorem", "generate", "held_out", "is_held_out", "proved", "shape"]


@dataclass(frozen=True, slots=True)
class Theorem:
    """A statement without its proof."""

    family: str
    name: str
    definitions: str
    """Lean source of what it speaks of, if that is its own; else empty."""
    statement: str
    """`theorem NAME … :=`, without what follows."""

    def source(self, script: str = "sorry") -> str:
        """The Lean text with a tactic script for a proof."""
        return self.definitions + proved(self.statement, script)


def proved(statement: str, script: str) -> str:
    """A statement with a tactic script after it."""
    return f"{statement} by\n" + "".join(f"  {line}\n" for line in script.splitlines())


Family = Callable[[random.Random], tuple[str, str]]
"""Draws (definitions, binders and claim): the theorem's name is put between them."""

_WORDS = (
    "add",
    "basic",
    "both",
    "cancel",
    "case",
    "claim",
    "comm",
    "dist",
    "double",
    "easy",
    "even",
    "fact",
    "first",
    "fold",
    "four",
    "goal",
    "half",
    "imp",
    "key",
    "last",
    "law",
    "left",
    "lemma",
    "len",
    "list",
    "map",
    "mod",
    "mul",
    "my",
    "nat",
    "odd",
    "one",
    "order",
    "pair",
    "part",
    "plus",
    "point",
    "pow",
    "prob",
    "right",
    "row",
    "second",
    "sign",
    "simple",
    "step",
    "sum",
    "swap",
    "test",
    "thm",
    "three",
    "tiny",
    "two",
    "unit",
    "value",
    "warm",
    "word",
    "zero",
)


def _name(rng: random.Random) -> str:
    if rng.random() < 0.2:  # names that no list of words has
        return (
            "".join(rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(rng.randint(2, 4)))
            + "_1"
        )
    count = rng.choice((1, 2, 2, 3))
    words = "_".join(rng.sample(_WORDS, count))
    return words + (f"_{rng.randint(1, 99)}" if count == 1 or rng.random() < 0.4 else "")


def generate(seed: int, families: Sequence[str] | None = None) -> Iterator[Theorem]:
    """Endless theorems, the families in turn. The same seed gives the same ones. Raises KeyError for an unknown family."""
    rng = random.Random(seed)
    chosen = tuple(families or FAMILIES)
    while True:
        for family in chosen:
            definitions, claim = FAMILIES[family](rng)
            name = _name(rng)
            yield Theorem(family, name, definitions, f"theorem {name} {claim} :=")


def shape(theorem: Theorem) -> str:
    """The text with its own names replaced by numbers in the order of their appearance: equal for theorems that differ in names.

    Two theorems of one shape are one theorem to whoever learns from them, so none may be in both training and test.
    """
    seen: dict[str, str] = {}

    def number(match: re.Match[str]) -> str:
        word = match[0]
        if word == theorem.name:
            return "@"
        return word if word in _LEAN else seen.setdefault(word, f"#{len(seen)}")

    return re.sub(r"[^\W\d][\w₀-₉'.]*", number, theorem.definitions + theorem.statement)


_MOST_DRAWN = 100_000
"""Theorems among which those for tests are looked for."""


def is_held_out(theorem: Theorem) -> bool:
    """Whether a theorem is for tests: one in eight of all shapes is, whatever its names."""
    return hashlib.sha256(shape(theorem).encode()).digest()[0] < 32


def held_out(count: int, seed: int) -> list[Theorem]:
    """Theorems for tests, no two of one shape, the families as even as their variety allows.

    Raises ValueError when there are fewer.
    """
    found: dict[str, Theorem] = {}
    for _, theorem in zip(range(min(400 * count, _MOST_DRAWN)), generate(seed), strict=False):
        if is_held_out(theorem):
            found.setdefault(shape(theorem), theorem)
    if len(found) < count:
        raise ValueError(f"there are only {len(found)} theorems for tests")
    by_family: dict[str, list[Theorem]] = {}
    for theorem in found.values():
        by_family.setdefault(theorem.family, []).append(theorem)
    rounds = (theorem for row in zip_longest(*by_family.values()) for theorem in row if theorem is not None)
    return list(islice(rounds, count))


_LEAN = frozenset(
    (
        "theorem",
        "def",
        "where",
        "match",
        "with",
        "Nat",
        "Int",
        "Bool",
        "List",
        "Prop",
        "Type",
        "true",
        "false",
        "fun",
        "if",
        "then",
        "else",
        "max",
        "min",
        "replicate",
        "length",
        "reverse",
        "map",
        "filter",
        "append",
        "sum",
        "range",
    )
)

# Names.

_NATURALS = ("a", "b", "c", "d", "k", "m", "n", "x", "y", "z")
_PROPOSITIONS = ("P", "Q", "R", "S")
_LOWER = ("p", "q", "r", "s")


def _variables(rng: random.Random, count: int, pool: Sequence[str] = _NATURALS) -> list[str]:
    return sorted(rng.sample(list(pool), count))


def _hypotheses(rng: random.Random, count: int) -> list[str]:
    style = rng.choice(("h", "h₁", "hx", "H"))
    if count == 1 and style == "h":
        return ["h"]
    if style == "h₁":
        return ["h" + "₁₂₃₄₅"[i] for i in range(count)]
    base = {"h": "h", "hx": "hx", "H": "H"}[style]
    return [f"{base}{i + 1}" for i in range(count)] if count > 1 else [base]


def _binders(parts: Sequence[str], claim: str) -> str:
    return " ".join(parts) + f" : {claim}"


# Propositions.


def _chain(rng: random.Random) -> tuple[str, str]:
    """Implications in a row, one of them perhaps beside the point, in any order."""
    props = rng.sample(rng.choice((_PROPOSITIONS, _LOWER)), rng.choice((3, 4)))
    links = [f"{a} → {b}" for a, b in pairwise(props)]
    rng.shuffle(links)
    if rng.random() < 0.5:
        facts, claim = [*links, props[0]], props[-1]
    else:
        facts, claim = links, f"{props[0]} → {props[-1]}"
    rng.shuffle(facts)
    names = _hypotheses(rng, len(facts))
    binders = [
        f"({' '.join(sorted(props))} : Prop)",
        *(f"({h} : {f})" for h, f in zip(names, facts, strict=True)),
    ]
    return "", _binders(binders, claim)


def _conjunction(rng: random.Random) -> tuple[str, str]:
    """A conjunction put together from the parts of others."""
    props = rng.sample(rng.choice((_PROPOSITIONS, _LOWER)), 3)
    (first, second, third) = props
    given = rng.choice((f"{first} ∧ {second} ∧ {third}", f"({first} ∧ {second}) ∧ {third}"))
    wanted = rng.sample(props, 2)
    claim = rng.choice((f"{wanted[0]} ∧ {wanted[1]}", f"{wanted[1]} ∧ {wanted[0]}"))
    if rng.random() < 0.4:
        claim = rng.choice((f"{wanted[0]} ∨ {claim}", f"({claim}) ∨ {wanted[0]}"))
    name = _hypotheses(rng, 1)[0]
    return "", _binders([f"({' '.join(sorted(props))} : Prop)", f"({name} : {given})"], claim)


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


def _tautology(rng: random.Random) -> tuple[str, str]:
    """An implication that truth tables prove, and neither side of which is always true or always false."""
    while True:
        props = rng.sample(rng.choice((_PROPOSITIONS, _LOWER)), rng.choice((2, 3)))
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
        return "", _binders([f"({' '.join(used)} : Prop)"], f"{a} {sign} {b}")


def _some_and_all(rng: random.Random) -> tuple[str, str]:
    """Quantifiers moved over connectives."""
    x = rng.choice(("x", "y", "a", "n"))
    p, q = rng.sample(("p", "q", "P", "Q"), 2)
    h = _hypotheses(rng, 1)[0]
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
    return "", _binders([f"({used} : {kind} → Prop)", f"({h} : {given})"], claim)


# Numbers.


def _linear(rng: random.Random) -> tuple[str, str]:
    """Linear equations and inequalities with a linear consequence."""
    kind = rng.choice(("Nat", "Int"))
    x, y = _variables(rng, 2)
    a, b, v, w = rng.randint(2, 9), rng.randint(1, 20), rng.randint(1, 12), rng.randint(1, 12)
    names = _hypotheses(rng, 2)
    choice = rng.randrange(4)
    if choice == 0:
        return "", _binders(
            [f"({x} : {kind})", f"({names[0]} : {a} * {x} + {b} = {a * v + b})"], f"{x} = {v}"
        )
    if choice == 1:
        facts = [f"({names[0]} : {x} + {y} = {v + w})", f"({names[1]} : {x} = {y} + {v - w})"]
        if kind == "Nat" and v < w:
            facts[1] = f"({names[1]} : {y} = {x} + {w - v})"
        elif v < w:
            facts[1] = f"({names[1]} : {x} = {y} - {w - v})"
        return "", _binders([f"({x} {y} : {kind})", *facts], f"{a} * {x} = {a * v}")
    if choice == 2:
        return "", _binders(
            [f"({x} {y} : {kind})", f"({names[0]} : {x} < {y})"], f"{a} * {x} + {a} ≤ {a} * {y}"
        )
    claim = f"{x} < {y} ∨ {x} = {y} ∨ {y} < {x}" if rng.random() < 0.3 else f"{x} + {b} ≤ {y} + {b + a}"
    return "", _binders([f"({x} {y} : {kind})", f"({names[0]} : {x} ≤ {y} + {rng.randint(0, a)})"], claim)


def _identity(rng: random.Random) -> tuple[str, str]:
    """Products multiplied out, their parts in another order."""
    kind = rng.choice(("Nat", "Int"))
    a, b, c = _variables(rng, 3)
    k = rng.randint(2, 6)
    left, right = rng.choice(
        (
            (f"({a} + {b}) * {c}", f"{c} * {b} + {c} * {a}"),
            (f"{a} * ({b} + {c})", f"{c} * {a} + {a} * {b}"),
            (f"({a} + {b}) * ({a} + {b})", f"{a} * {a} + 2 * ({a} * {b}) + {b} * {b}"),
            (f"({a} + {k}) * {b}", f"{b} * {a} + {k} * {b}"),
            (f"{a} * {b} * {c}", f"{c} * ({b} * {a})"),
            (f"{k} * ({a} * {b})", f"{b} * ({a} * {k})"),
            (f"{a} + {b} + {c}", f"{c} + ({a} + {b})"),
            (f"({a} + {b}) ^ 2", f"{b} ^ 2 + 2 * {a} * {b} + {a} ^ 2"),
        )
    )
    used = [v for v in (a, b, c) if v in left]
    if rng.random() < 0.3:
        left, right = right, left
    return "", _binders([f"({' '.join(used)} : {kind})"], f"{left} = {right}")


def _witness(rng: random.Random) -> tuple[str, str]:
    """A number with a property that can be computed."""
    x = rng.choice(("x", "n", "k", "y", "m"))
    a, b, v = rng.randint(2, 9), rng.randint(0, 15), rng.randint(1, 12)
    choice = rng.randrange(6)
    if choice == 0:
        return "", f": ∃ {x} : Nat, {a} * {x} + {b} = {a * v + b}"
    if choice == 1:
        return "", f": ∃ {x} : Int, {a} * {x} + {a * v + b} = {b}"
    if choice == 2:
        return "", f": ∃ {x} : Nat, {x} * {x} = {v * v}"
    if choice == 3:
        return "", f": ∃ {x} : Nat, {b} < {x} ∧ {x} < {b + 2}"
    if choice == 4:
        return "", f": ∃ {x} : Nat, {x} * {x} + {b} = {v * v + b}"
    return "", f": ∃ {x} : Nat, {x} + {b} = {v + b} ∧ {x} < {v + rng.randint(1, 5)}"


def _general_witness(rng: random.Random) -> tuple[str, str]:
    """A number that depends on another one."""
    kind = rng.choice(("Nat", "Int"))
    n, x = _variables(rng, 2)
    a = rng.randint(2, 9)
    claim = rng.choice(
        (
            f"∃ {x}, {n} < {x}",
            f"∃ {x}, {x} = {a} * {n}",
            f"∃ {x}, {n} + {a} ≤ {x}",
            f"∃ {x}, {n} + {x} = {n} + {a}",
            f"∃ {x}, {a} * {n} + {a} = {a} * {x}",
            f"∃ {x}, {n} + {a} = {x} + 1",
            f"∃ {x}, {n} * {x} = {n} ∧ {x} < {a}",
        )
    )
    return "", f"({n} : {kind}) : {claim}"


def _residue(rng: random.Random) -> tuple[str, str]:
    """What squares and cubes leave when divided by a small number."""
    kind = rng.choice(("Nat", "Int"))
    n = rng.choice(_NATURALS)
    m = rng.choice((3, 4, 5, 6, 7, 8))
    power = rng.choice((2, 2, 3))
    left = sorted({k**power % m for k in range(m)})
    absent = [r for r in range(m) if r not in left]
    word = f"{n} ^ {power}" if rng.random() < 0.7 or power == 3 else f"{n} * {n}"
    if absent and rng.random() < 0.5:
        return "", f"({n} : {kind}) : {word} % {m} ≠ {rng.choice(absent)}"
    if len(left) < m:
        return "", f"({n} : {kind}) : " + " ∨ ".join(f"{word} % {m} = {r}" for r in left)
    r = rng.randrange(1, m)
    h = _hypotheses(rng, 1)[0]
    return "", f"({n} : {kind}) ({h} : {n} % {m} = {r}) : {word} % {m} = {r**power % m}"


def _divides(rng: random.Random) -> tuple[str, str]:
    """Products of neighbours and the like are divisible."""
    kind = rng.choice(("Nat", "Int"))
    n = rng.choice(_NATURALS)
    word, m = rng.choice(
        (
            (f"{n} * ({n} + 1)", 2),
            (f"{n} ^ 2 + {n}", 2),
            (f"{n} ^ 3 + 2 * {n}", 3),
            (f"{n} * ({n} + 1) * ({n} + 2)", 3),
            (f"{n} ^ 2 + {n} + {2 * rng.randint(1, 9)}", 2),
            (f"{n} ^ 3 + 5 * {n}", 6),
            (f"3 * {n} ^ 2 + 5 * {n}", 2),
        )
    )
    claim = f"{m} ∣ {word}" if rng.random() < 0.5 else f"({word}) % {m} = 0"
    return "", f"({n} : {kind}) : {claim}"


def _growth(rng: random.Random) -> tuple[str, str]:
    """Powers outgrow multiples."""
    n = rng.choice(_NATURALS)
    base = rng.randint(2, 5)
    claim = rng.choice(
        (
            f"{n} < {base} ^ {n}",
            f"{n} + 1 ≤ {base} ^ {n}",
            f"0 < {base} ^ {n}",
            f"{base} ^ {n} < {base} ^ ({n} + 1)",
            f"{base - 1} * {n} < {base} ^ {n}",
            f"{base} ^ {n} + {n} < {base} ^ ({n} + 1)",
            f"1 ≤ {base} ^ {n}",
        )
    )
    return "", f"({n} : Nat) : {claim}"


def _computed(rng: random.Random) -> tuple[str, str]:
    """Facts about numbers alone, some of them too large for a plain evaluation."""
    a, b, m = rng.randint(2, 12), rng.randint(2, 8), rng.randint(2, 13)
    choice = rng.randrange(5)
    if choice == 0:
        return "", f": {a} ^ {b} % {m} = {a**b % m}"
    if choice == 1:
        q = rng.randint(20, 150)
        return "", f": {m} ∣ {q * m}" if rng.random() < 0.5 else f": ¬{m} ∣ {q * m + rng.randint(1, m - 1)}"
    if choice == 2:
        n = rng.choice(("n", "k", "x"))
        return "", f": ∀ {n} : Nat, {n} < {a} → {n} * {n} < {(a - 1) ** 2 + b}"
    if choice == 3:
        x = rng.choice(("x", "n", "k"))
        return "", f": ∀ {x} : Nat, {x} < {a + 2} → {x} ^ 2 % {m} < {m}"
    x = rng.choice(("n", "k", "x"))
    return "", f": ∃ {x} : Nat, {x} < {a + 3} ∧ {x} * {x} = {(rng.randint(1, a)) ** 2}"


_SUMS = ("total", "upto", "acc", "tri", "series")


def _sums(rng: random.Random) -> tuple[str, str]:
    """Closed forms of sums that a recursive function adds up."""
    f, n = rng.choice(_SUMS), rng.choice(("n", "k", "m"))
    a, b = rng.randint(1, 4), rng.randint(0, 3)
    i = rng.choice(("i", "j"))
    if rng.random() < 0.6:
        term, closed = (f"{a} * ({i} + 1)", f"2 * {f} {n} = {a} * ({n} * ({n} + 1))")
        if a == 1:
            term, closed = f"({i} + 1)", f"2 * {f} {n} = {n} * ({n} + 1)"
    elif rng.random() < 0.5:
        term, closed = f"(2 * {i} + 1)", f"{f} {n} = {n} * {n}"
    else:
        term, closed = f"{a + b}", f"{f} {n} = {a + b} * {n}"
    definition = f"def {f} : Nat → Nat\n  | 0 => 0\n  | {i} + 1 => {f} {i} + {term}\n\n"
    if rng.random() < 0.25:
        closed = f"{n} ≤ {f} {n}"
    return definition, f"({n} : Nat) : {closed}"


# Lists and booleans.


def _lists(rng: random.Random) -> tuple[str, str]:
    """Lengths, members and rearrangements of lists."""
    xs, ys = rng.choice((("xs", "ys"), ("as", "bs"), ("l₁", "l₂"), ("s", "t")))
    kind = rng.choice(("Nat", "Int", "Bool"))
    x, k = rng.choice(("x", "a")), rng.randint(1, 5)
    h = _hypotheses(rng, 1)[0]
    both = f"({xs} {ys} : List {kind})"
    member = f"({x} : {kind}) {both}"
    claims = (
        f"{both} : ({xs} ++ {ys}).length = {ys}.length + {xs}.length",
        f"{both} : ({xs} ++ {ys}).reverse.length = {ys}.length + {xs}.length",
        f"{both} : ({xs} ++ {ys}).reverse = {ys}.reverse ++ {xs}.reverse",
        f"{member} ({h} : {x} ∈ {xs}) : {x} ∈ {ys} ++ {xs}",
        f"{member} ({h} : {x} ∈ {xs} ++ {ys}) : {x} ∈ {ys} ∨ {x} ∈ {xs}",
        f"{member} : ({x} :: {xs}).length = {xs}.length + 1",
        f"{both} ({h} : {xs}.length < {ys}.length) : {ys} ≠ []",
        f"{both} ({h} : {xs} = {ys}) : {ys}.reverse.length = {xs}.length",
        f"{both} : {xs}.length + {k} ≤ ({xs} ++ {ys}).length + {k}",
        f"{both} ({h} : {xs} ++ {ys} = []) : {ys} = []",
        f"({x} : {kind}) : (List.replicate {k} {x}).length = {k}",
        f"({x} : {kind}) ({xs} : List {kind}) : {xs}.length < ({x} :: {xs}).length",
        f"({xs} : List Nat) : ({xs}.map (fun n => n + {k})).length = {xs}.length",
    )
    claim = rng.choice(claims)
    if (
        ys not in re.findall(r"[\w₀-₉]+", claim.partition(":")[2].partition(":")[2] or claim)
        and both in claim
    ):
        claim = claim.replace(both, f"({xs} : List {kind})")
    return "", claim


def _list_recursion(rng: random.Random) -> tuple[str, str]:
    """Facts about a function defined by recursion over lists, which need induction."""
    f = rng.choice(("total", "count", "size", "add", "weight"))
    xs, ys = rng.choice((("xs", "ys"), ("as", "bs"), ("s", "t"), ("l", "r")))
    x, rest = rng.choice((("x", "xs"), ("a", "as"), ("y", "ys"), ("n", "l")))
    step = rng.choice(
        (f"{x} + {f} {rest}", f"{f} {rest} + 1", f"{f} {rest} + {rng.randint(2, 4)}", f"2 * {x} + {f} {rest}")
    )
    definition = (
        f"def {f} : List Nat → Nat\n  | [] => 0\n  | {x if x in step else '_'} :: {rest} => {step}\n\n"
    )
    claim = rng.choice(
        (
            f"({xs} {ys} : List Nat) : {f} ({xs} ++ {ys}) = {f} {xs} + {f} {ys}",
            f"({xs} {ys} : List Nat) : {f} ({xs} ++ {ys}) = {f} {ys} + {f} {xs}",
            f"({xs} {ys} : List Nat) : {f} {xs} ≤ {f} ({xs} ++ {ys})",
            f"({xs} : List Nat) : {f} ({xs} ++ [0]) = {f} ({'0 :: ' + xs})",
        )
    )
    return definition, claim


def _booleans(rng: random.Random) -> tuple[str, str]:
    """Laws of the two truth values."""
    a, b, c = rng.choice((("a", "b", "c"), ("x", "y", "z"), ("p", "q", "r")))
    h = _hypotheses(rng, 1)[0]
    claims = (
        f"({a} {b} : Bool) : ({a} && {b}) = ({b} && {a})",
        f"({a} {b} : Bool) : (!({a} && {b})) = (!{a} || !{b})",
        f"({a} {b} : Bool) : (!({a} || {b})) = (!{b} && !{a})",
        f"({a} {b} {c} : Bool) : ({a} && ({b} || {c})) = (({a} && {c}) || ({a} && {b}))",
        f"({a} {b} {c} : Bool) : ({a} || ({b} && {c})) = (({a} || {b}) && ({a} || {c}))",
        f"({a} {b} : Bool) : ({a} ^^ {b}) = ({b} ^^ {a})",
        f"({a} {b} : Bool) ({h} : ({a} && {b}) = true) : {b} = true",
        f"({a} {b} : Bool) ({h} : ({a} || {b}) = false) : {a} = false",
        f"({a} {b} : Bool) ({h} : {a} = !{b}) : ({a} && {b}) = false",
        f"({a} {b} : Bool) ({h} : {a} ≠ {b}) : ({a} ^^ {b}) = true",
        f"({a} : Bool) : ({a} ^^ {a}) = false",
        f": ∀ {a} {b} : Bool, ({a} || {b}) = ({b} || {a})",
        f": ∀ {a} {b} {c} : Bool, (({a} ^^ {b}) ^^ {c}) = ({a} ^^ ({b} ^^ {c}))",
        f": ∃ {a} {b} : Bool, ({a} && !{b}) = true",
        f": ∃ {a} : Bool, (!{a}) = true",
        f"({a} : Bool) : ∃ {b} : Bool, ({a} ^^ {b}) = true",
    )
    return "", rng.choice(claims)


def _cases(rng: random.Random) -> tuple[str, str]:
    """Statements with a choice in them."""
    a, b = _variables(rng, 2)
    kind = rng.choice(("Nat", "Int"))
    k = rng.randint(1, 9)
    h = _hypotheses(rng, 1)[0]
    return "", rng.choice(
        (
            f"({a} {b} : {kind}) : (if {a} ≤ {b} then {a} else {b}) ≤ {b}",
            f"({a} {b} : {kind}) : {a} ≤ (if {a} < {b} then {b} else {a})",
            f"({a} {b} : {kind}) : min {a} {b} ≤ max {a} {b}",
            f"({a} {b} : {kind}) ({h} : {a} ≤ {b}) : max {a} {b} = {b}",
            f"({a} : Nat) : {a} % 2 = 0 ∨ {a} % 2 = 1",
            f"({a} {b} : Nat) ({h} : {a} % {k + 1} = {k} ∧ {b} % {k + 1} = 1) : ({a} + {b}) % {k + 1} = 0",
            f"({a} {b} : {kind}) ({h} : {a} = {b} ∨ {a} = {b} + {k}) : {b} ≤ {a}",
            f"({a} : Nat) ({h} : {a} = {k} ∨ {a} = {k + 3}) : {a} * {a} < {(k + 3) ** 2 + 1}",
            f"({a} : Nat) ({h} : {a} < {min(k, 5) + 1}) : {a} * {a} ≤ {min(k, 5) ** 2}",
            f"({a} {b} : Nat) ({h} : {a} * {b} = 0) : {a} = 0 ∨ {b} = 0",
        )
    )


def _functions(rng: random.Random) -> tuple[str, str]:
    """Equations about unknown functions."""
    f, g = rng.sample(("f", "g", "u"), 2)
    x, y = rng.choice((("x", "y"), ("a", "b"), ("m", "n")))
    kind = rng.choice(("Nat", "Int"))
    h, k = _hypotheses(rng, 2)
    c = rng.randint(1, 9)
    return "", rng.choice(
        (
            f"({f} : {kind} → {kind}) ({x} {y} : {kind}) ({h} : {x} = {y}) : {f} {y} = {f} {x}",
            f"({f} : {kind} → {kind}) ({h} : ∀ {x}, {f} {x} = {x} + {c}) : {f} ({f} 0) = {2 * c}",
            f"({f} {g} : {kind} → {kind}) ({h} : ∀ {x}, {f} {x} = {g} {x}) : {f} {c} = {g} {c}",
            f"({f} : {kind} → {kind}) ({x} : {kind}) ({h} : {f} {x} = {x}) : {f} ({f} {x}) = {x}",
            f"({f} {g} : {kind} → {kind}) ({h} : ∀ {x}, {f} ({g} {x}) = {x}) ({x} {y} : {kind}) "
            f"({k} : {g} {x} = {g} {y}) : {x} = {y}",
            f"({f} : {kind} → {kind}) ({h} : ∀ {x} {y}, {f} ({x} + {y}) = {f} {x} + {f} {y}) : {f} 0 = 0",
            f"({f} : Nat → Nat) ({h} : {f} 0 = {c}) ({k} : ∀ {x}, {f} ({x} + 1) = {f} {x} + {c}) : {f} 2 = {3 * c}",
            f"({f} : {kind} → {kind}) ({h} : ∀ {x}, {f} {x} = {c}) : ∃ {x}, {f} {x} = {c}",
        )
    )


FAMILIES: dict[str, Family] = {
    "chain": _chain,
    "conjunction": _conjunction,
    "tautology": _tautology,
    "quantifiers": _some_and_all,
    "linear": _linear,
    "identity": _identity,
    "witness": _witness,
    "general witness": _general_witness,
    "residue": _residue,
    "divides": _divides,
    "growth": _growth,
    "computed": _computed,
    "sums": _sums,
    "lists": _lists,
    "list recursion": _list_recursion,
    "booleans": _booleans,
    "cases": _cases,
    "functions": _functions,
}
"""How theorems are made, by kind."""
