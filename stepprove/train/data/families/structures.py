"""Theorems about lists and the two truth values."""

from __future__ import annotations

import random
import re

from stepprove.train.data.families.names import hypotheses


def lists(rng: random.Random) -> tuple[str, str]:
    """Lengths, members and rearrangements of lists."""
    xs, ys = rng.choice((("xs", "ys"), ("as", "bs"), ("l₁", "l₂"), ("s", "t")))
    kind = rng.choice(("Nat", "Int", "Bool"))
    x, k = rng.choice(("x", "a")), rng.randint(1, 5)
    h = hypotheses(rng, 1)[0]
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


def list_recursion(rng: random.Random) -> tuple[str, str]:
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


def booleans(rng: random.Random) -> tuple[str, str]:
    """Laws of the two truth values."""
    a, b, c = rng.choice((("a", "b", "c"), ("x", "y", "z"), ("p", "q", "r")))
    h = hypotheses(rng, 1)[0]
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
