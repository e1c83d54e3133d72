"""Problems about equations and their solutions."""

from __future__ import annotations

import random

from stepprove.train.data.informal.families.words import LETTERS, equal, numbers
from stepprove.train.data.informal.meaning import Meaning, Phrase


def solution(rng: random.Random) -> Meaning:
    """An equation has a solution."""
    kind = rng.choice(("Nat", "Int"))
    noun = {"Nat": "natural number", "Int": "integer"}[kind]
    x, a, b, v = rng.choice(LETTERS), rng.randint(2, 12), rng.randint(1, 30), rng.randint(1, 12)
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
    objects = numbers(rng, 1)
    (x,) = objects.names
    a, b, v = rng.randint(2, 12), rng.randint(1, 30), rng.randint(0, 12)
    return Meaning((objects,), (equal(f"{a} * {x} + {b}", str(a * v + b)),), equal(x, str(v)))


def system(rng: random.Random) -> Meaning:
    """Two numbers by their sum and their difference."""
    objects = numbers(rng, 2, "Int")
    x, y = objects.names
    v, w = rng.randint(1, 20), rng.randint(1, 20)
    total = Phrase(f"{x} + {y} = {v + w}", (f"the sum of {x} and {y} is {v + w}", f"{x} + {y} = {v + w}"))
    gap = Phrase(f"{x} - {y} = {v - w}", (f"{x} minus {y} is {v - w}", f"{x} - {y} = {v - w}"))
    return Meaning((objects,), (total, gap), equal(*rng.choice(((x, str(v)), (y, str(w))))))


def square(rng: random.Random) -> Meaning:
    """Squares are not negative."""
    objects = numbers(rng, 1, "Int")
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


def zero_product(rng: random.Random) -> Meaning:
    """A product that is zero."""
    objects = numbers(rng, 2)
    x, y = objects.names
    return Meaning(
        (objects,),
        (Phrase(f"{x} * {y} = 0", (f"the product of {x} and {y} is zero", f"{x} * {y} = 0")),),
        Phrase(
            f"{x} = 0 ∨ {y} = 0",
            (f"{x} = 0 or {y} = 0", f"one of {x} and {y} is zero", f"{x} is zero or {y} is zero"),
        ),
    )


def odd_solution(rng: random.Random) -> Meaning:
    """There is an even or odd number beyond another one."""
    objects = numbers(rng, 1, "Nat")
    (n,) = objects.names
    x = rng.choice([letter for letter in LETTERS if letter != n])
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
