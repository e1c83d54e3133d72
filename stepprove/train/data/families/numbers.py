"""Theorems about natural and whole numbers, and about functions on them."""

from __future__ import annotations

import random

from stepprove.train.data.families.names import NATURALS, binders, hypotheses, variables


def linear(rng: random.Random) -> tuple[str, str]:
    """Linear equations and inequalities with a linear consequence."""
    kind = rng.choice(("Nat", "Int"))
    x, y = variables(rng, 2)
    a, b, v, w = rng.randint(2, 9), rng.randint(1, 20), rng.randint(1, 12), rng.randint(1, 12)
    names = hypotheses(rng, 2)
    choice = rng.randrange(4)
    if choice == 0:
        return "", binders([f"({x} : {kind})", f"({names[0]} : {a} * {x} + {b} = {a * v + b})"], f"{x} = {v}")
    if choice == 1:
        facts = [f"({names[0]} : {x} + {y} = {v + w})", f"({names[1]} : {x} = {y} + {v - w})"]
        if kind == "Nat" and v < w:
            facts[1] = f"({names[1]} : {y} = {x} + {w - v})"
        elif v < w:
            facts[1] = f"({names[1]} : {x} = {y} - {w - v})"
        return "", binders([f"({x} {y} : {kind})", *facts], f"{a} * {x} = {a * v}")
    if choice == 2:
        return "", binders(
            [f"({x} {y} : {kind})", f"({names[0]} : {x} < {y})"], f"{a} * {x} + {a} ≤ {a} * {y}"
        )
    claim = f"{x} < {y} ∨ {x} = {y} ∨ {y} < {x}" if rng.random() < 0.3 else f"{x} + {b} ≤ {y} + {b + a}"
    return "", binders([f"({x} {y} : {kind})", f"({names[0]} : {x} ≤ {y} + {rng.randint(0, a)})"], claim)


def identity(rng: random.Random) -> tuple[str, str]:
    """Products multiplied out, their parts in another order."""
    kind = rng.choice(("Nat", "Int"))
    a, b, c = variables(rng, 3)
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
    return "", binders([f"({' '.join(used)} : {kind})"], f"{left} = {right}")


def witness(rng: random.Random) -> tuple[str, str]:
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


def general_witness(rng: random.Random) -> tuple[str, str]:
    """A number that depends on another one."""
    kind = rng.choice(("Nat", "Int"))
    n, x = variables(rng, 2)
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


def residue(rng: random.Random) -> tuple[str, str]:
    """Remainders of squares and cubes modulo a small number."""
    kind = rng.choice(("Nat", "Int"))
    n = rng.choice(NATURALS)
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
    h = hypotheses(rng, 1)[0]
    return "", f"({n} : {kind}) ({h} : {n} % {m} = {r}) : {word} % {m} = {r**power % m}"


def divides(rng: random.Random) -> tuple[str, str]:
    """Products of neighbours and the like are divisible."""
    kind = rng.choice(("Nat", "Int"))
    n = rng.choice(NATURALS)
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


def growth(rng: random.Random) -> tuple[str, str]:
    """Powers outgrow multiples."""
    n = rng.choice(NATURALS)
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


def computed(rng: random.Random) -> tuple[str, str]:
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


def sums(rng: random.Random) -> tuple[str, str]:
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


def cases(rng: random.Random) -> tuple[str, str]:
    """Statements with a choice in them."""
    a, b = variables(rng, 2)
    kind = rng.choice(("Nat", "Int"))
    k = rng.randint(1, 9)
    h = hypotheses(rng, 1)[0]
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


def functions(rng: random.Random) -> tuple[str, str]:
    """Equations about unknown functions."""
    f, g = rng.sample(("f", "g", "u"), 2)
    x, y = rng.choice((("x", "y"), ("a", "b"), ("m", "n")))
    kind = rng.choice(("Nat", "Int"))
    h, k = hypotheses(rng, 2)
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
