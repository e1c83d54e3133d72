"""Problems about lists, propositions and functions."""

from __future__ import annotations

import random

from stepprove.train.data.informal.families.words import equal
from stepprove.train.data.informal.meaning import Meaning, Objects, Phrase


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
        return Meaning((objects,), (rule,), equal(f"{f} {v}", str(v + c)))
    claim = Phrase(
        f"{f} ({f} {v}) = {v + 2 * c}",
        (f"applying {f} twice to {v} gives {v + 2 * c}", f"{f} of {f} of {v} is {v + 2 * c}"),
    )
    return Meaning((objects,), (rule,), claim)
