"""The kinds of problems: each draws a meaning at random."""

from __future__ import annotations

import random
from collections.abc import Callable

from stepprove.train.data.informal.meaning import Meaning, Objects, Phrase

Family = Callable[[random.Random], Meaning]

_LETTERS = ("a", "b", "c", "d", "k", "m", "n", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z")
_RELATIONS = {
    "<": ("less than", "smaller than", "below"),
    "≤": ("at most", "no more than", "less than or equal to"),
    ">": ("greater than", "more than", "larger than"),
    "≥": ("at least", "no less than", "greater than or equal to"),
}


def _numbers(rng: random.Random, count: int, kind: str = "") -> Objects:
    kind = kind or rng.choice(("Nat", "Int"))
    names = tuple(sorted(rng.sample(_LETTERS, count)))
    noun = {"Nat": ("natural number", "natural numbers"), "Int": ("integer", "integers")}[kind]
    return Objects(names, kind, *noun)


def _related(rng: random.Random, left: str, relation: str, right: str) -> Phrase:
    words = _RELATIONS[relation]
    return Phrase(
        f"{left} {relation} {right}",
        (*(f"{left} is {word} {right}" for word in words), f"{left} {relation} {right}"),
    )


def _equal(left: str, right: str) -> Phrase:
    return Phrase(
        f"{left} = {right}", (f"{left} = {right}", f"{left} equals {right}", f"{left} is equal to {right}")
    )


def shift(rng: random.Random) -> Meaning:
    """A bound, moved by a number."""
    objects = _numbers(rng, 1)
    (x,), relation = objects.names, rng.choice(list(_RELATIONS))
    a, b = rng.randint(1, 60), rng.randint(1, 30)
    return Meaning(
        (objects,), (_related(rng, x, relation, str(a)),), _related(rng, f"{x} + {b}", relation, str(a + b))
    )


def order(rng: random.Random) -> Meaning:
    """Chains of inequalities."""
    objects = _numbers(rng, 3)
    a, b, c = rng.sample(objects.names, 3)
    first, second, both = rng.choice(
        (("<", "<", "<"), ("≤", "≤", "≤"), ("<", "≤", "<"), ("≤", "<", "<"), (">", ">", ">"), ("≥", "≥", "≥"))
    )
    return Meaning(
        (objects,),
        (_related(rng, a, first, b), _related(rng, b, second, c)),
        _related(rng, a, both, c),
    )


def commuting(rng: random.Random) -> Meaning:
    """Laws of arithmetic in words."""
    objects = _numbers(rng, 3)
    a, b, c = objects.names
    sign, word = rng.choice((("+", "the sum of"), ("*", "the product of")))
    if rng.random() < 0.5:
        objects = Objects((a, b), objects.type, objects.one, objects.many)
        claim = Phrase(
            f"{a} {sign} {b} = {b} {sign} {a}",
            (
                f"{word} {a} and {b} equals {word} {b} and {a}",
                f"{word} {a} and {b} does not depend on their order",
            ),
        )
    else:
        claim = Phrase(
            f"({a} {sign} {b}) {sign} {c} = {a} {sign} ({b} {sign} {c})",
            (
                f"{word} {a} {sign} {b} and {c} equals {word} {a} and {b} {sign} {c}",
                f"({a} {sign} {b}) {sign} {c} = {a} {sign} ({b} {sign} {c})",
            ),
        )
    return Meaning((objects,), (), claim)


def parity(rng: random.Random) -> Meaning:
    """Even and odd numbers."""
    objects = _numbers(rng, 1)
    (x,) = objects.names
    rest, k = rng.randrange(2), rng.randint(1, 30)
    names = ("even", "odd")
    other = (rest + k) % 2
    return Meaning(
        (objects,),
        (Phrase(f"{x} % 2 = {rest}", (f"{x} is {names[rest]}", f"{x} is an {names[rest]} number")),),
        Phrase(
            f"({x} + {k}) % 2 = {other}",
            (f"{x} + {k} is {names[other]}", f"the number {x} + {k} is {names[other]}"),
        ),
        concepts=("even: % 2 = 0", "odd: % 2 = 1"),
    )


def parity_of_two(rng: random.Random) -> Meaning:
    """Sums of even and odd numbers."""
    objects = _numbers(rng, 2)
    x, y = objects.names
    first, second = rng.randrange(2), rng.randrange(2)
    names = ("even", "odd")
    rest = (first + second) % 2
    sign = "+" if rng.random() < 0.7 else "*"
    rest = rest if sign == "+" else first * second
    word = "sum" if sign == "+" else "product"
    return Meaning(
        (objects,),
        (
            Phrase(f"{x} % 2 = {first}", (f"{x} is {names[first]}",)),
            Phrase(f"{y} % 2 = {second}", (f"{y} is {names[second]}",)),
        ),
        Phrase(
            f"({x} {sign} {y}) % 2 = {rest}",
            (
                f"{x} {sign} {y} is {names[rest]}",
                f"their {word} is {names[rest]}",
                f"the {word} of {x} and {y} is {names[rest]}",
            ),
        ),
        concepts=("even: % 2 = 0", "odd: % 2 = 1"),
    )


def divisor(rng: random.Random) -> Meaning:
    """Divisibility."""
    objects = _numbers(rng, 3)
    a, b, c = rng.sample(objects.names, 3)

    def divides(left: str, right: str) -> Phrase:
        return Phrase(
            f"{left} ∣ {right}",
            (
                f"{left} divides {right}",
                f"{right} is a multiple of {left}",
                f"{right} is divisible by {left}",
            ),
        )

    supposed, claim = rng.choice(
        (
            ((divides(a, b),), divides(a, f"{b} * {c}")),
            ((divides(a, b), divides(b, c)), divides(a, c)),
            ((divides(a, b), divides(a, c)), divides(a, f"{b} + {c}")),
        )
    )
    return Meaning((objects,), supposed, claim, concepts=("divides: ∣",))


def solution(rng: random.Random) -> Meaning:
    """An equation has a solution."""
    kind = rng.choice(("Nat", "Int"))
    noun = {"Nat": "natural number", "Int": "integer"}[kind]
    x, a, b, v = rng.choice(_LETTERS), rng.randint(2, 12), rng.randint(1, 30), rng.randint(1, 12)
    equation = f"{a} * {x} + {b} = {a * v + b}"
    article = "an" if kind == "Int" else "a"
    return Meaning(
        (),
        (),
        Phrase(
            f"∃ {x} : {kind}, {equation}",
            (
                f"there is {article} {noun} {x} with {equation}",
                f"there exists {article} {noun} {x} for which {equation}",
                f"{equation} for some {noun} {x}",
                f"the equation {equation} has a solution {x} among the {noun}s",
            ),
        ),
        concepts=("there is: ∃",),
    )


def linear(rng: random.Random) -> Meaning:
    """The solution of a linear equation."""
    objects = _numbers(rng, 1)
    (x,) = objects.names
    a, b, v = rng.randint(2, 12), rng.randint(1, 30), rng.randint(0, 12)
    return Meaning((objects,), (_equal(f"{a} * {x} + {b}", str(a * v + b)),), _equal(x, str(v)))


def system(rng: random.Random) -> Meaning:
    """Two numbers by their sum and their difference."""
    objects = _numbers(rng, 2, "Int")
    x, y = objects.names
    v, w = rng.randint(1, 20), rng.randint(1, 20)
    total = Phrase(f"{x} + {y} = {v + w}", (f"the sum of {x} and {y} is {v + w}", f"{x} + {y} = {v + w}"))
    gap = Phrase(f"{x} - {y} = {v - w}", (f"{x} minus {y} is {v - w}", f"{x} - {y} = {v - w}"))
    return Meaning((objects,), (total, gap), _equal(*rng.choice(((x, str(v)), (y, str(w))))))


def square(rng: random.Random) -> Meaning:
    """Squares are not negative."""
    objects = _numbers(rng, 1, "Int")
    (x,), k = objects.names, rng.randint(0, 30)
    if k == 0:
        claim = Phrase(
            f"0 ≤ {x} ^ 2", (f"the square of {x} is not negative", f"the square of {x} is at least 0")
        )
    else:
        claim = Phrase(
            f"0 < {x} ^ 2 + {k}",
            (f"the square of {x} plus {k} is positive", f"{x} ^ 2 + {k} is positive"),
        )
    return Meaning((objects,), (), claim, concepts=("positive: 0 <", "square: ^ 2"))


def remainder(rng: random.Random) -> Meaning:
    """Remainders of sums."""
    objects = _numbers(rng, 1, "Nat")
    (x,), m = objects.names, rng.randint(3, 12)
    r, k = rng.randrange(m), rng.randint(1, 20)

    def leaves(number: str, rest: int) -> Phrase:
        return Phrase(
            f"{number} % {m} = {rest}",
            (
                f"{number} leaves remainder {rest} when divided by {m}",
                f"the remainder of {number} on division by {m} is {rest}",
                f"{number} is congruent to {rest} modulo {m}",
            ),
        )

    return Meaning(
        (objects,), (leaves(x, r),), leaves(f"({x} + {k})", (r + k) % m), concepts=("remainder: %",)
    )


def lists(rng: random.Random) -> Meaning:
    """Lengths of lists."""
    xs, ys = rng.choice((("xs", "ys"), ("as", "bs"), ("l", "r")))
    kind, noun = rng.choice((("Nat", "natural numbers"), ("Int", "integers"), ("Bool", "booleans")))
    one = Objects((xs,), f"List {kind}", f"list of {noun}", f"lists of {noun}")
    two = Objects((xs, ys), f"List {kind}", f"list of {noun}", f"lists of {noun}")
    objects, claim = rng.choice(
        (
            (
                two,
                Phrase(
                    f"({xs} ++ {ys}).length = {xs}.length + {ys}.length",
                    (
                        f"the length of {xs} followed by {ys} is the sum of their lengths",
                        f"appending {ys} to {xs} adds up their lengths",
                    ),
                ),
            ),
            (
                one,
                Phrase(
                    f"{xs}.reverse.reverse = {xs}",
                    (f"reversing {xs} twice gives {xs} back", f"the reverse of the reverse of {xs} is {xs}"),
                ),
            ),
            (
                one,
                Phrase(
                    f"{xs}.reverse.length = {xs}.length",
                    (f"reversing {xs} does not change its length", f"{xs} is as long as its reverse"),
                ),
            ),
            (
                two,
                Phrase(
                    f"({xs} ++ {ys}).reverse = {ys}.reverse ++ {xs}.reverse",
                    (
                        f"the reverse of {xs} followed by {ys} is the reverse of {ys} followed by the reverse of {xs}",
                        f"reversing {xs} followed by {ys} gives the reverse of {ys} followed by the reverse of {xs}",
                    ),
                ),
            ),
        )
    )
    return Meaning((objects,), (), claim, concepts=("followed by: ++",))


def logic(rng: random.Random) -> Meaning:
    """Propositions."""
    names = tuple(sorted(rng.sample(("A", "B", "C", "P", "Q", "R", "S"), 3)))
    p, q, r = rng.sample(names, 3)
    objects = Objects(names, "Prop", "proposition", "propositions")
    two = Objects(tuple(sorted((p, q))), "Prop", "proposition", "propositions")

    def implies(left: str, right: str) -> Phrase:
        return Phrase(f"{left} → {right}", (f"{left} implies {right}", f"{right} follows from {left}"))

    def holds(name: str) -> Phrase:
        return Phrase(name, (f"{name} holds", f"{name} is true"))

    both = Phrase(f"{p} ∧ {q}", (f"both {p} and {q} hold", f"{p} and {q} are both true"))
    either = Phrase(f"{p} ∨ {q}", (f"{p} or {q} holds", f"at least one of {p} and {q} is true"))
    fails = Phrase(f"¬{p}", (f"{p} is false", f"{p} does not hold"))
    return rng.choice(
        (
            Meaning((objects,), (implies(p, q), implies(q, r)), implies(p, r)),
            Meaning((two,), (both,), holds(q)),
            Meaning((two,), (holds(p), holds(q)), both),
            Meaning((two,), (either, fails), holds(q)),
            Meaning((two,), (implies(p, q), holds(p)), holds(q)),
            Meaning((two,), (holds(p),), either),
        )
    )


def functions(rng: random.Random) -> Meaning:
    """A function given by a rule."""
    f, x = rng.choice(("f", "g", "u")), rng.choice(("x", "n", "t"))
    kind, noun = rng.choice((("Nat", "natural numbers"), ("Int", "integers")))
    c, v = rng.randint(1, 20), rng.randint(0, 20)
    arrow = f"function from the {noun} to the {noun}"
    objects = Objects((f,), f"{kind} → {kind}", arrow, arrow)
    rule = Phrase(
        f"∀ {x}, {f} {x} = {x} + {c}",
        (
            f"{f} adds {c} to every number",
            f"{f} sends every {x} to {x} + {c}",
            f"{f} {x} = {x} + {c} for all {x}",
        ),
    )
    if rng.random() < 0.5:
        return Meaning((objects,), (rule,), _equal(f"{f} {v}", str(v + c)))
    claim = Phrase(
        f"{f} ({f} {v}) = {v + 2 * c}",
        (f"applying {f} twice to {v} gives {v + 2 * c}", f"{f} of {f} of {v} is {v + 2 * c}"),
    )
    return Meaning((objects,), (rule,), claim)


def extremes(rng: random.Random) -> Meaning:
    """Maxima and minima."""
    objects = _numbers(rng, 2)
    x, y = objects.names
    word, name = rng.choice((("maximum", "max"), ("minimum", "min")))
    big = name == "max"
    claim = rng.choice(
        (
            Phrase(
                f"{name} {x} {y} = {name} {y} {x}",
                (f"the {word} of {x} and {y} is the {word} of {y} and {x}",),
            ),
            Phrase(
                f"{x} ≤ max {x} {y}" if big else f"min {x} {y} ≤ {x}",
                (f"the {word} of {x} and {y} is at {'least' if big else 'most'} {x}",),
            ),
        )
    )
    if big and claim.lean.startswith(x):
        claim = Phrase(f"max {x} {y} ≥ {x}", claim.words)
    return Meaning((objects,), (), claim)


def zero_product(rng: random.Random) -> Meaning:
    """A product that is zero."""
    objects = _numbers(rng, 2)
    x, y = objects.names
    return Meaning(
        (objects,),
        (Phrase(f"{x} * {y} = 0", (f"the product of {x} and {y} is zero", f"{x} * {y} = 0")),),
        Phrase(
            f"{x} = 0 ∨ {y} = 0",
            (f"{x} = 0 or {y} = 0", f"one of {x} and {y} is zero", f"{x} is zero or {y} is zero"),
        ),
    )


def between(rng: random.Random) -> Meaning:
    """The number between two others."""
    objects = _numbers(rng, 1)
    (x,), a = objects.names, rng.randint(0, 60)
    inside = Phrase(
        f"{a} < {x} ∧ {x} < {a + 2}",
        (f"{x} lies strictly between {a} and {a + 2}", f"{x} is greater than {a} and less than {a + 2}"),
    )
    return Meaning((objects,), (inside,), _equal(x, str(a + 1)), concepts=("strictly: <",))


def doubling(rng: random.Random) -> Meaning:
    """Multiples in words."""
    objects = _numbers(rng, 2)
    x, y = objects.names
    word, k = rng.choice((("twice", 2), ("three times", 3), ("four times", 4), ("five times", 5)))
    a = rng.randint(1, 20)
    return Meaning(
        (objects,),
        (Phrase(f"{y} = {k} * {x}", (f"{y} is {word} {x}", f"{y} equals {word} {x}")), _equal(x, str(a))),
        _equal(y, str(k * a)),
    )


def subtraction(rng: random.Random) -> Meaning:
    """Differences of natural numbers, which stop at zero."""
    objects = _numbers(rng, 2, "Nat")
    x, y = objects.names
    return Meaning(
        (objects,),
        (_related(rng, y, "≤", x),),
        Phrase(f"{x} - {y} + {y} = {x}", (f"{x} minus {y} plus {y} is {x}", f"{x} - {y} + {y} equals {x}")),
        trap="subtraction of naturals stops at 0",
    )


def sum_bound(rng: random.Random) -> Meaning:
    """Bounds of two numbers added up."""
    objects = _numbers(rng, 2)
    x, y = objects.names
    a, b, relation = rng.randint(1, 40), rng.randint(1, 40), rng.choice(("≤", "≥", "<", ">"))
    return Meaning(
        (objects,),
        (_related(rng, x, relation, str(a)), _related(rng, y, relation, str(b))),
        _related(rng, f"{x} + {y}", relation, str(a + b)),
    )


def odd_solution(rng: random.Random) -> Meaning:
    """There is an even or odd number beyond another one."""
    objects = _numbers(rng, 1, "Nat")
    (n,) = objects.names
    x = rng.choice([letter for letter in _LETTERS if letter != n])
    rest = rng.randrange(2)
    return Meaning(
        (objects,),
        (),
        Phrase(
            f"∃ {x} : Nat, {n} < {x} ∧ {x} % 2 = {rest}",
            (f"there is an {('even', 'odd')[rest]} natural number {x} greater than {n}",),
        ),
        concepts=("there is: ∃", "even: % 2 = 0", "odd: % 2 = 1"),
    )


FAMILIES: dict[str, Family] = {
    family.__name__: family
    for family in (
        shift, order, commuting, parity, parity_of_two, divisor, solution, linear, system, square, remainder,
        lists, logic, functions, extremes, zero_product, between, doubling, subtraction, sum_bound, odd_solution,
    )
}  # fmt: skip
KEPT_FAMILIES = ("zero_product", "sum_bound", "odd_solution")
"""Families for tests only; each of their concepts occurs in a training family, in another role."""
