"""Moves on divisors: explicit cofactors, eliminating a variable from two divisibilities, greatest common divisors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from math import gcd

from stepprove.agent.search.goal import Goal
from stepprove.agent.search.move import Move
from stepprove.agent.search.terms.bounded import TooLarge
from stepprove.agent.search.terms.polynomial import (
    Polynomial,
    difference,
    divide,
    factorings,
    polynomial,
    text,
)
from stepprove.agent.search.terms.term import Term, free_names, literal, num, parse, show, subterms, var


def moves(goal: Goal) -> Iterator[Move]:
    """Prove a divisibility by its cofactor, combine divisibilities, use the divisors of a gcd."""
    yield from _cofactor(goal)
    yield from _from_remainders(goal)
    yield from _gcd_facts(goal)
    yield from _known_gcd(goal)
    yield from _factor(goal)
    yield from _eliminate(goal)
    yield from _antisymmetry(goal)


def _cofactor(goal: Goal) -> Iterator[Move]:
    """Prove d ∣ p: divide the polynomials modulo the equations at hand, and state the quotient."""
    term = goal.term
    if term is None or term.op != "∣":
        return
    divisor, dividend = (polynomial(a) for a in term.args)
    if divisor is None or dividend is None or not divisor or not dividend:
        return
    equations = [difference(fact) for fact in goal.propositions if fact.op == "="]
    relations = [relation for relation in equations if relation is not None]
    natural = not (free_names(term) & set(goal.integers))
    for quotient in _quotients(dividend, divisor, relations):
        if natural and any(c < 0 for c in quotient.terms.values()):
            continue
        yield Move(f"exact ⟨{text(quotient)}, by grind⟩", 0.3, "give the cofactor", closing=True)
    for name, fact in goal.facts:
        if fact.op == "∣" and name:
            yield from _multiple(goal, name, fact, dividend, divisor)


def _quotients(
    dividend: Polynomial, divisor: Polynomial, relations: list[Polynomial]
) -> Iterator[Polynomial]:
    quotient, rest = divide(dividend, divisor)
    if not rest:
        yield quotient
        return
    for relation in relations:
        # modulo the divisor the relation is `reduced`; if that divides the rest, its multiple corrects
        # the quotient
        shift, reduced = divide(relation, divisor)
        if not reduced:
            continue
        times, rest_of_rest = divide(rest, reduced)
        if not rest_of_rest:
            with suppress(TooLarge):
                yield quotient - times * shift


def _multiple(goal: Goal, name: str, fact: Term, dividend: Polynomial, divisor: Polynomial) -> Iterator[Move]:
    """Use a ∣ b if the goal is a ∣ c · b."""
    left, right = (polynomial(a) for a in fact.args)
    if left is None or right is None or not right or left != divisor:
        return
    quotient, rest = divide(dividend, right)
    if rest:
        return
    (k,) = goal.fresh("k")
    hk = goal.fresh("hk")[0]
    yield Move(
        f"obtain ⟨{k}, {hk}⟩ := {name}\nexact ⟨{show(var(k))} * ({text(quotient)}), by grind⟩",
        0.4,
        "a multiple",
        closing=True,
    )


def _from_remainders(goal: Goal) -> Iterator[Move]:
    """Derive from a % m = c that m divides a - c, for a variable m, too."""
    for name, fact in goal.facts:
        if fact.op != "=" or fact.args[0].op != "%" or literal(fact.args[0].args[1]) is not None:
            continue
        remainder = literal(fact.args[1])
        number, modulus = fact.args[0].args
        if remainder is None or not free_names(modulus) <= set(goal.integers):
            continue
        (h,) = goal.fresh("hd")
        difference = number if remainder == 0 else Term("-", (number, num(remainder)))
        claim = Term("∣", (modulus, difference))
        if claim not in goal.propositions:
            quotient = f"({number})" if number.op in ("*", "/") else show(number, 71)
            division = f"Int.mul_ediv_add_emod {show(number, 100)} {show(modulus, 100)}"
            proof = f"⟨{quotient} / {show(modulus, 71)}, by have := {division}; omega⟩"
            yield Move(
                f"have {h} : {claim} := {proof}", 0.15, f"{name} as a divisibility", forced=True, fact=True
            )


def _gcd_facts(goal: Goal) -> Iterator[Move]:
    """State that a gcd divides both its numbers, and that gcd · lcm is their product."""
    seen = []
    terms = [*goal.propositions, *([goal.term] if goal.term is not None else [])]
    for term in terms:
        for part in subterms(term):
            if (
                part.op == "app"
                and part.args[0].name in ("Nat.gcd", ".gcd")
                and len(part.args) == 3
                and part not in seen
            ) and free_names(part) & set(goal.naturals):
                seen.append(part)
    for part in seen[:2]:
        a, b = part.args[1:]
        hl, hr = goal.fresh("hl", "hr")
        if Term("∣", (part, a)) not in goal.propositions:
            yield Move(
                f"have {hl} : {show(part, 51)} ∣ {show(a, 51)} := Nat.gcd_dvd_left _ _\n"
                f"have {hr} : {show(part, 51)} ∣ {show(b, 51)} := Nat.gcd_dvd_right _ _",
                0.2,
                "a gcd divides both numbers",
                forced=True,
                fact=True,
            )
        lcm = Term("app", (var("Nat.lcm" if part.args[0].name == "Nat.gcd" else ".lcm"), a, b))
        if any(lcm in list(subterms(t)) for t in terms):
            (h,) = goal.fresh("hm")
            product = Term("=", (Term("*", (part, lcm)), Term("*", (a, b))))
            if product not in goal.propositions:
                yield Move(
                    f"have {h} : {product} := Nat.gcd_mul_lcm _ _",
                    0.2,
                    "gcd times lcm",
                    forced=True,
                    fact=True,
                )


def _known_gcd(goal: Goal) -> Iterator[Move]:
    """State that a known gcd divides both numbers, and that both divide a known lcm."""
    for name, fact in goal.facts:
        if fact.op != "=" or fact.args[0].op != "app" or len(fact.args[0].args) != 3:
            continue
        head, a, b = fact.args[0].args
        value = literal(fact.args[1])
        function = head.name.removeprefix("Nat.").removeprefix(".")
        if value is None or value < 2 or function not in ("gcd", "lcm"):
            continue
        for side, number in (("left", a), ("right", b)):
            claim = Term("∣", (num(value), number) if function == "gcd" else (number, num(value)))
            if claim in goal.propositions or not free_names(number) <= set(goal.naturals):
                continue
            (h,) = goal.fresh("hd")
            lemma = f"Nat.gcd_dvd_{side}" if function == "gcd" else f"Nat.dvd_lcm_{side}"
            text = f"have {h} : {claim} := {name} ▸ {lemma} {show(a, 100)} {show(b, 100)}"
            yield Move(text, 0.15, f"what divides the {function}", forced=True, fact=True)


def _factor(goal: Goal) -> Iterator[Move]:
    """Rewrite a² - b² = c to (a - b)(a + b) = c, and u v + p u + q v = c to (u + q)(v + p) = c + p q."""
    for name, fact in goal.facts:
        if fact.op != "=" or not free_names(fact) <= set(goal.integers):
            continue
        relation = difference(fact)
        if relation is None or len(relation.terms) < 3:
            continue
        for first, second, value in factorings(relation):
            if value == 0:
                continue
            claim = f"({text(first)}) * ({text(second)}) = {value}"
            term = parse(claim)
            if term is None or term in goal.propositions:
                continue
            (h,) = goal.fresh("hf")
            yield Move(f"have {h} : {claim} := by grind", 0.2, f"factor {name}", forced=True, fact=True)


def _eliminate(goal: Goal) -> Iterator[Move]:
    """Derive from d ∣ a x + b and d ∣ c x + e that d divides the combination without x."""
    facts = [(n, f) for n, f in goal.facts if f.op == "∣"]
    for i, (first_name, first) in enumerate(facts):
        for second_name, second in facts[i + 1 :]:
            if first.args[0] != second.args[0]:
                continue
            combined = _combination(first.args[1], second.args[1])
            if combined is None:
                continue
            p, q, constant = combined
            claim = Term("∣", (first.args[0], num(abs(constant))))
            if claim in goal.propositions or constant == 0:
                continue
            if constant < 0:
                p, q = -p, -q
            (h,) = goal.fresh("hd")
            integral = bool(free_names(first) & set(goal.integers))
            text = _combine(h, claim, (first_name, first, p), (second_name, second, q), integral)
            yield Move(text, 0.2, "eliminate a variable", forced=True, fact=True)


def _combination(first: Term, second: Term) -> tuple[int, int, int] | None:
    """Return (p, q, c) with p · first + q · second = c, a constant, if both are linear in the same variable."""
    a, b = polynomial(first), polynomial(second)
    if a is None or b is None:
        return None
    names = a.variables() | b.variables()
    if len(names) != 1 or a.degree() != 1 or b.degree() > 1:
        return None
    name = names.pop()
    left, right = a.coefficient(name), b.coefficient(name)
    if left == 0 or right == 0:
        return None
    divisor = gcd(left, right)
    p, q = right // divisor, -left // divisor
    return p, q, p * a.constant() + q * b.constant()


def _combine(
    h: str, claim: Term, first: tuple[str, Term, int], second: tuple[str, Term, int], integral: bool
) -> str:
    if integral:
        return (
            f"have {h} : {claim} := by\n"
            f"  obtain ⟨u, hu⟩ := {first[0]}\n"
            f"  obtain ⟨v, hv⟩ := {second[0]}\n"
            f"  exact ⟨({first[2]}) * u + ({second[2]}) * v, by grind⟩"
        )
    positive, negative = (first, second) if first[2] > 0 else (second, first)
    minuend = f"{positive[2]} * {show(positive[1].args[1], 71)}"
    subtrahend = f"{-negative[2]} * {show(negative[1].args[1], 71)}"
    return (
        f"have {h} : {claim} := by\n"
        f"  have h := Nat.dvd_sub (Nat.dvd_mul_left_of_dvd {positive[0]} {positive[2]}) "
        f"(Nat.dvd_mul_left_of_dvd {negative[0]} {-negative[2]})\n"
        f"  rwa [show {minuend} - {subtrahend} = {claim.args[1]} by omega] at h"
    )


def _antisymmetry(goal: Goal) -> Iterator[Move]:
    """Prove that a gcd is 1 because it divides 1; a number that divides 1 is 1."""
    term = goal.term
    if term is None or term.op != "=" or literal(term.args[1]) != 1:
        return
    for name, fact in goal.facts:
        if fact == Term("∣", (term.args[0], num(1))):
            yield Move(f"exact Nat.dvd_one.mp {name}", 0.1, "it divides 1", closing=True)
