"""Moves modulo m: residue classes, residues of powers, periods of b ^ n mod m.

A numerical experiment chooses the modulus and the possible residues; Lean checks the resulting claim.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from stepprove.agent.search.goal import Goal
from stepprove.agent.search.move import Move
from stepprove.agent.search.terms.bounded import Effort, NotEvaluated, power_residue
from stepprove.agent.search.terms.experiments import STEPS
from stepprove.agent.search.terms.numeric import Valuation, natural, value
from stepprove.agent.search.terms.term import Term, conjuncts, free_names, literal, num, show, subterms, var

LARGEST_MODULUS = 40
LONGEST_PERIOD = 24
_USUAL_MODULI = (3, 4, 5, 7, 8, 9, 11, 13, 16)


def moves(goal: Goal) -> Iterator[Move]:
    """Split on residues, state the residues of powers, state the period of exponentials."""
    moduli = list(_moduli(goal))
    statements = _statements(goal)
    for modulus in moduli:
        yield from _split(goal, statements, modulus)
    yield from _powers(goal, statements, moduli)
    yield from _exponentials(goal, statements, moduli)
    yield from _known_residues(goal)
    yield from _formulas(goal, statements, moduli)


def _statements(goal: Goal) -> list[Term]:
    return [*goal.propositions, *(conjuncts(goal.term) if goal.term is not None else ())]


def _moduli(goal: Goal) -> Iterator[int]:
    """Yield the divisors in the goal, the smallest first."""
    found = set()
    for statement in _statements(goal):
        for part in subterms(statement):
            if part.op in ("%", "∣"):
                modulus = literal(part.args[1] if part.op == "%" else part.args[0])
                if modulus is not None and 2 <= abs(modulus) <= LARGEST_MODULUS:
                    found.add(abs(modulus))
    yield from sorted(found)


def _nonlinear(term: Term, name: str) -> bool:
    """Return whether `name` stands in a product or as the base of a power."""
    for part in subterms(term):
        if part.op == "^" and name in free_names(part.args[0]):
            return True
        if part.op == "*" and name in free_names(part) and all(free_names(a) for a in part.args):
            return True
    return False


def classes(name: str, modulus: int, residues: Iterator[int] | range | list[int]) -> str:
    """Return the statement that `name` leaves one of the residues."""
    return " ∨ ".join(f"{name} % {modulus} = {r}" for r in residues)


_NATURAL_RULES = "Nat.pow_succ, Nat.mul_mod, Nat.add_mod"
_INTEGER_RULES = "Int.pow_succ, Int.mul_emod, Int.add_emod, Int.sub_emod"


def _rules(goal: Goal, name: str) -> str:
    return _NATURAL_RULES if goal.is_natural(name) else _INTEGER_RULES


def _split(goal: Goal, statements: list[Term], modulus: int) -> Iterator[Move]:
    """Split into the residues of a variable in products or powers."""
    for name in goal.variables:
        if not any(_nonlinear(s, name) for s in statements) or modulus > 13:
            continue
        (h,) = goal.fresh("h")
        cases = classes(name, modulus, range(modulus))
        alternatives = " | ".join([h] * modulus)
        divides = "Int.dvd_iff_emod_eq_zero, Nat.dvd_iff_mod_eq_zero"
        closer = f"simp [{_rules(goal, name)}, {divides}, {h}]"
        if modulus > 9 or any(_nonlinear(p, name) for p in goal.propositions):
            closer = f"simp_all [{_rules(goal, name)}]"
        yield Move(
            f"have {h} : {cases} := by omega\nrcases {h} with {alternatives} <;> try {closer}",
            0.8 + modulus / 40,
            f"residues of {name} mod {modulus}",
            seconds=15.0,
        )


def _powers(goal: Goal, statements: list[Term], moduli: list[int]) -> Iterator[Move]:
    """State the possible residues of x ^ k, such as 0 or 1 for a square mod 4."""
    powers = list(_power_terms(goal, statements))
    if not powers:
        return
    effort = Effort(STEPS)
    candidates = moduli or [m for m in _USUAL_MODULI if _refuted_mod(goal, statements, m, effort)]
    for modulus in candidates:
        facts, determined, known = [], True, True
        names = goal.fresh(*["h"] * len(powers))
        for h, (base, exponent) in zip(names, powers, strict=True):
            possible = _possible(goal, base, modulus)
            residues = sorted({pow(r, exponent, modulus) for r in possible})
            paired = _mentioned_mod(statements, base)
            if len(residues) == modulus and not paired:
                continue  # every residue is possible
            fact = _power_fact(goal, h, base, exponent, modulus, possible, residues if not paired else [])
            determined = determined and len(possible) == 1
            known = known and _stated(goal, base, exponent, modulus)
            facts.append(fact)
        if facts and not (determined and known):
            yield Move(
                "\n".join(facts),
                0.1 if determined else 0.7 + modulus / 50,
                f"residues of powers mod {modulus}",
                forced=determined,
                fact=determined,
                seconds=20.0,
            )


def _power_fact(
    goal: Goal, h: str, base: Term, exponent: int, modulus: int, possible: list[int], residues: list[int]
) -> str:
    """Return the fact about the power's residues, paired with those of the base if no list of residues is given."""
    (c,) = goal.fresh("c")
    shown = show(base) if base.op == "var" else f"({show(base.args[0])} : Int)"
    natural_base = base.op == "var" and goal.is_natural(base.name)
    rules = _NATURAL_RULES if natural_base else _INTEGER_RULES
    claim = classes(f"{shown} ^ {exponent}", modulus, residues) or " ∨ ".join(
        f"({shown} % {modulus} = {r} ∧ {shown} ^ {exponent} % {modulus} = {pow(r, exponent, modulus)})"
        for r in possible
    )
    return (
        f"have {h} : {claim} := by\n"
        f"  have {c} : {classes(shown, modulus, possible)} := by omega\n"
        f"  rcases {c} with {' | '.join([c] * len(possible))} <;> simp [{rules}, {c}]"
    )


def _mentioned_mod(statements: list[Term], base: Term) -> bool:
    """Return whether the goal mentions the residue of the base itself."""
    return any(
        (part.op == "%" and part.args[0] == base) or (part.op == "∣" and part.args[1] == base)
        for statement in statements
        for part in subterms(statement)
    )


def _stated(goal: Goal, base: Term, exponent: int, modulus: int) -> bool:
    """Return whether a fact gives the residue of the power already."""
    power = Term("%", (Term("^", (base, num(exponent))), num(modulus)))
    return any(p.op == "=" and p.args[0] == power for p in goal.propositions)


def _possible(goal: Goal, base: Term, modulus: int) -> list[int]:
    """Return the residues that facts of the form x % m = r and m ∣ x allow."""
    residues = list(range(modulus))
    name = next(iter(free_names(base)))
    for fact in goal.propositions:
        if fact.op == "=" and fact.args[0].op == "%":
            number, divisor, rest = fact.args[0].args[0], literal(fact.args[0].args[1]), literal(fact.args[1])
        elif fact.op == "∣":
            number, divisor, rest = fact.args[1], literal(fact.args[0]), 0
        else:
            continue
        if number not in (var(name), base) or divisor is None or rest is None or divisor <= 0:
            continue
        if modulus % divisor == 0:
            residues = [r for r in residues if r % divisor == rest % divisor]
        elif divisor % modulus == 0:
            residues = [r for r in residues if r == rest % modulus]
    return residues or list(range(modulus))


def _formulas(goal: Goal, statements: list[Term], moduli: list[int]) -> Iterator[Move]:
    """Compute the residues of a number whose formula is too large to evaluate."""
    periods = {
        sum(not condition.startswith("n =") for condition, _ in period)
        for b, _, _ in _exponential_terms(goal, statements)
        for m in moduli
        if (period := _period(b, m))
    }
    modulus = math.lcm(1, *moduli, *periods)
    for name, fact in goal.facts:
        if fact.op != "=" or fact.args[0].op != "var" or free_names(fact.args[1]) or not 2 <= modulus <= 5000:
            continue
        variable, residue = fact.args[0].name, _residue(fact.args[1], modulus)
        stated = any(
            p.op == "=" and p.args[0] == Term("%", (fact.args[0], num(modulus))) for p in goal.propositions
        )
        if residue is None or stated or variable not in goal.variables:
            continue
        h, positive = goal.fresh("hr", "hp")
        yield Move(
            f"have {h} : {variable} % {modulus} = {residue} := by rw [{name}]; decide +kernel\n"
            f"have {positive} : 0 < {variable} := by rw [{name}]; decide +kernel\n"
            f"clear {name}",
            0.3,
            f"{variable} mod {modulus}",
        )


def _residue(term: Term, modulus: int) -> int | None:
    """Return a closed term mod `modulus` without the term's value."""
    known = literal(term)
    if known is not None:
        return known % modulus
    if term.op not in ("+", "*", "^"):
        return None
    left = _residue(term.args[0], modulus)
    if term.op == "^":
        exponent = literal(term.args[1])
        return None if left is None or exponent is None else power_residue(left, exponent, modulus)
    right = _residue(term.args[1], modulus)
    if left is None or right is None:
        return None
    return (left + right if term.op == "+" else left * right) % modulus


def _power_terms(goal: Goal, statements: list[Term]) -> Iterator[tuple[Term, int]]:
    """Yield powers x ^ k of a variable, or of a natural variable cast to ℤ, with a literal k."""
    terms: dict[tuple[Term, int], None] = {}
    for statement in statements:
        for part in subterms(statement):
            if part.op != "^":
                continue
            base, exponent = part.args[0], literal(part.args[1])
            inner = base.args[0] if base.op == "cast" else base
            if inner.op == "var" and inner.name in goal.variables and exponent and 2 <= exponent <= 12:
                terms[(base, exponent)] = None
    yield from itertools.islice(terms, 4)


def _refuted_mod(goal: Goal, statements: list[Term], modulus: int, effort: Effort) -> bool:
    """Return whether some equation among the hypotheses has no solution modulo `modulus`."""
    for statement in statements:
        names = sorted(free_names(statement) & set(goal.variables))
        if statement.op != "=" or not 1 <= len(names) <= 3 or modulus ** len(names) > 3000:
            continue
        left, right = statement.args
        try:
            solvable = any(
                (value(left, at) - value(right, at)) % modulus == 0
                for values in itertools.product(range(modulus), repeat=len(names))
                for at in [Valuation(dict(zip(names, values, strict=True)), frozenset(), effort=effort)]
            )
        except NotEvaluated:
            continue
        if not solvable:
            return True
    return False


def _exponentials(goal: Goal, statements: list[Term], moduli: list[int]) -> Iterator[Move]:
    """State the residue of b ^ n mod m for each class of n, by induction on n."""
    exponentials = list(_exponential_terms(goal, statements))
    for modulus in moduli:
        for base, exponent, integral in exponentials:
            facts = _period(base, modulus)
            if facts is None:
                continue
            h, key, n, ih, positive = goal.fresh(
                "h", "key", "n" if "n" not in goal.names else "k", "ih", "hpos"
            )
            shown = f"({base} : ℤ)" if integral else str(base)
            if integral and "ℤ" not in _printed(goal):
                shown = f"({base} : Int)"
            claim = " ∨ ".join(
                f"({condition.replace('n', n)} ∧ {shown} ^ {n} % {modulus} = {r})" for condition, r in facts
            )
            cases = f"rcases {ih} with {' | '.join(_pattern(c, h, ih) for c, _ in facts)} <;>\n      "
            if len(facts) == 1:  # always the same residue
                claim, cases = f"{shown} ^ {n} % {modulus} = {facts[0][1]}", ""
            rules = (
                "Int.pow_succ, Int.mul_emod, Int.add_emod" if integral else "Nat.pow_succ, Nat.mul_mod"
            ) + ", Nat.add_mod"
            omega = " <;> omega" if any(c.startswith("n = 1") for c, _ in facts) else ""
            truncated = (
                not integral and base > 0 and any(t.op == "-" for s in statements for t in subterms(s))
            )
            yield Move(
                f"have {key} : ∀ {n} : Nat, {claim} := by\n"
                f"  intro {n}\n"
                f"  induction {n} with\n"
                f"  | zero => simp\n"
                f"  | succ {n} {ih} =>\n"
                f"    {cases}simp [{rules}, {f'{h}, ' if cases else ''}{ih}]{omega}\n"
                f"have {h} := {key} {show(exponent, 100)}\n"
                f"clear {key}"
                + (
                    f"\nhave {positive} : 0 < {shown} ^ {show(exponent, 76)} := Nat.pow_pos (by decide)"
                    if truncated
                    else ""
                ),
                0.5 + 0.01 * len(facts),
                f"period of {base} ^ n mod {modulus}",
                seconds=20.0,
            )


def _pattern(condition: str, h: str, ih: str) -> str:
    return f"⟨_, {h}, {ih}⟩" if "∧" in condition else f"⟨{h}, {ih}⟩"


def _printed(goal: Goal) -> str:
    return goal.target + " ".join(h.type for h in goal.hypotheses)


def _exponential_terms(goal: Goal, statements: list[Term]) -> Iterator[tuple[int, Term, bool]]:
    """Yield powers of a literal with a variable exponent: (base, exponent, whether the base is an integer)."""
    terms: dict[tuple[int, Term, bool], None] = {}
    at = Valuation({}, frozenset(goal.naturals))
    for statement in statements:
        integral = any(part.op == "cast" or natural(part, at) is False for part in subterms(statement))
        for part in subterms(statement):
            if part.op == "^" and free_names(part.args[1]):
                base = literal(part.args[0])
                if base is not None:
                    terms[(base, part.args[1], integral or base < 0)] = None
    yield from itertools.islice(terms, 6)


def _period(base: int, modulus: int) -> list[tuple[str, int]] | None:
    """Return (condition on n, residue of base ^ n) for every n; None for a long period."""
    residues: list[int] = []
    power = 1 % modulus
    while power not in residues:
        residues.append(power)
        power = power * base % modulus
        if len(residues) > LONGEST_PERIOD:
            return None
    start = residues.index(power)
    length = len(residues) - start
    facts = [(f"n = {i}", residues[i]) for i in range(start)]
    for i in range(start, start + length):
        condition = f"n % {length} = {i % length}" if length > 1 else ""
        if start:
            condition = f"{start} ≤ n" + (f" ∧ {condition}" if condition else "")
        facts.append((condition or "0 ≤ n", residues[i]))
    return facts


def _known_residues(goal: Goal) -> Iterator[Move]:
    """Compute sums, products and powers mod m from a known x % m."""
    known = [
        name
        for name, fact in goal.facts
        if fact.op == "=" and fact.args[0].op == "%" and literal(fact.args[1]) is not None
    ]
    if not known or goal.term is None or not any(t.op == "%" for t in subterms(goal.term)):
        return
    for kind, rules in (
        ("Int", "Int.pow_succ, Int.mul_emod, Int.add_emod, Int.sub_emod"),
        ("Nat", "Nat.pow_succ, Nat.mul_mod, Nat.add_mod"),
    ):
        if (goal.integers and kind == "Int") or (goal.naturals and kind == "Nat"):
            yield Move(f"simp [{rules}, {', '.join(known)}]", 0.3, "compute residues", closing=True)
