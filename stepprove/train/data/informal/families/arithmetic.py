"""Problems about numbers: order, parity, divisors, laws of arithmetic."""

from __future__ import annotations

import random

from stepprove.train.data.informal.families.words import RELATIONS, equal, numbers, related
from stepprove.train.data.informal.meaning import Meaning, Objects, Phrase


def shift(rng: random.Random) -> Meaning:
    """A bound, moved by a number."""
    objects = numbers(rng, 1)
    (x,), relation = objects.names, rng.choice(list(RELATIONS))
    a, b = rng.randint(1, 60), rng.randint(1, 30)
    return Meaning((objects,), (related(x, relation, str(a)),), related(f"{x} + {b}", relation, str(a + b)))


def order(rng: random.Random) -> Meaning:
    """Chains of inequalities."""
    objects = numbers(rng, 3)
    a, b, c = rng.sample(objects.names, 3)
    first, second, both = rng.choice(
        (("<", "<", "<"), ("≤", "≤", "≤"), ("<", "≤", "<"), ("≤", "<", "<"), (">", ">", ">"), ("≥", "≥", "≥"))
    )
    return Meaning(
        (objects,),
        (related(a, first, b), related(b, second, c)),
        related(a, both, c),
    )


def commuting(rng: random.Random) -> Meaning:
    """Laws of arithmetic in words."""
    objects = numbers(rng, 3)
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
    objects = numbers(rng, 1)
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
    objects = numbers(rng, 2)
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
    objects = numbers(rng, 3)
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


def remainder(rng: random.Random) -> Meaning:
    """Remainders of sums."""
    objects = numbers(rng, 1, "Nat")
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


def extremes(rng: random.Random) -> Meaning:
    """Maxima and minima."""
    objects = numbers(rng, 2)
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


def between(rng: random.Random) -> Meaning:
    """The number between two others."""
    objects = numbers(rng, 1)
    (x,), a = objects.names, rng.randint(0, 60)
    inside = Phrase(
        f"{a} < {x} ∧ {x} < {a + 2}",
        (f"{x} lies strictly between {a} and {a + 2}", f"{x} is greater than {a} and less than {a + 2}"),
    )
    return Meaning((objects,), (inside,), equal(x, str(a + 1)), concepts=("strictly: <",))


def doubling(rng: random.Random) -> Meaning:
    """Multiples in words."""
    objects = numbers(rng, 2)
    x, y = objects.names
    word, k = rng.choice((("twice", 2), ("three times", 3), ("four times", 4), ("five times", 5)))
    a = rng.randint(1, 20)
    return Meaning(
        (objects,),
        (Phrase(f"{y} = {k} * {x}", (f"{y} is {word} {x}", f"{y} equals {word} {x}")), equal(x, str(a))),
        equal(y, str(k * a)),
    )


def subtraction(rng: random.Random) -> Meaning:
    """Differences of natural numbers, which stop at zero."""
    objects = numbers(rng, 2, "Nat")
    x, y = objects.names
    return Meaning(
        (objects,),
        (related(y, "≤", x),),
        Phrase(f"{x} - {y} + {y} = {x}", (f"{x} minus {y} plus {y} is {x}", f"{x} - {y} + {y} equals {x}")),
        trap="subtraction of naturals stops at 0",
    )


def sum_bound(rng: random.Random) -> Meaning:
    """Bounds of two numbers added up."""
    objects = numbers(rng, 2)
    x, y = objects.names
    a, b, relation = rng.randint(1, 40), rng.randint(1, 40), rng.choice(("≤", "≥", "<", ">"))
    return Meaning(
        (objects,),
        (related(x, relation, str(a)), related(y, relation, str(b))),
        related(f"{x} + {y}", relation, str(a + b)),
    )
