"""Polynomials with integer coefficients, with division and simple factoring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stepprove.agent.search.terms.bounded import TooLarge, kept, product
from stepprove.agent.search.terms.term import Term, literal

Monomial = tuple[tuple[str, int], ...]
"""Variables with their exponents, in alphabetical order; () is 1."""

_LARGEST_EXPONENT = 12
_LARGEST_DEGREE = 100
_MOST_TERMS = 400
_MOST_DIVISIONS = 200
"""Steps of a long division."""


@dataclass(frozen=True)
class Polynomial:
    """A sum of monomials with nonzero coefficients; a sum or product beyond the size limit raises TooLarge."""

    terms: Mapping[Monomial, int]

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __add__(self, other: Polynomial) -> Polynomial:
        total = dict(self.terms)
        for monomial, coefficient in other.terms.items():
            total[monomial] = kept(total.get(monomial, 0) + coefficient)
        return Polynomial({m: c for m, c in total.items() if c})

    def __neg__(self) -> Polynomial:
        return Polynomial({m: -c for m, c in self.terms.items()})

    def __sub__(self, other: Polynomial) -> Polynomial:
        return self + -other

    def __mul__(self, other: Polynomial) -> Polynomial:
        if (
            len(self.terms) * len(other.terms) > 10 * _MOST_TERMS
            or self.degree() + other.degree() > _LARGEST_DEGREE
        ):
            raise TooLarge("a product of large polynomials")
        total: dict[Monomial, int] = {}
        for m, c in self.terms.items():
            for n, d in other.terms.items():
                key = _times(m, n)
                total[key] = kept(total.get(key, 0) + product(c, d))
        return Polynomial({m: c for m, c in total.items() if c})

    def variables(self) -> set[str]:
        """Return the variables that occur."""
        return {v for m in self.terms for v, _ in m}

    def degree(self) -> int:
        """Return the total degree; 0 for constants and for 0."""
        return max((sum(e for _, e in m) for m in self.terms), default=0)

    def coefficient(self, variable: str) -> int:
        """Return the coefficient of the monomial that is the variable alone."""
        return self.terms.get(((variable, 1),), 0)

    def constant(self) -> int:
        """Return the constant term."""
        return self.terms.get((), 0)


def _times(m: Monomial, n: Monomial) -> Monomial:
    exponents = dict(m)
    for v, e in n:
        exponents[v] = exponents.get(v, 0) + e
    return tuple(sorted(exponents.items()))


def constant(value: int) -> Polynomial:
    """Return a constant polynomial."""
    return Polynomial({(): value} if value else {})


def polynomial(term: Term) -> Polynomial | None:
    """Return the term as a polynomial in its variables, with subtraction as in ℤ; None for other or large terms."""
    try:
        return _polynomial(term)
    except TooLarge:
        return None


def _polynomial(term: Term) -> Polynomial | None:
    known = literal(term)
    if known is not None:
        return constant(known)
    if term.op == "var":
        return Polynomial({((term.name, 1),): 1})
    if term.op == "cast" and term.args[0].op == "var":
        return _polynomial(term.args[0])
    if term.op == "neg":
        inner = _polynomial(term.args[0])
        return None if inner is None else -inner
    if term.op == "^":
        base, exponent = _polynomial(term.args[0]), literal(term.args[1])
        if base is None or exponent is None or not 0 <= exponent <= _LARGEST_EXPONENT:
            return None
        power = constant(1)
        for _ in range(exponent):
            power = power * base
            if len(power.terms) > _MOST_TERMS:
                return None
        return power
    if term.op not in ("+", "-", "*"):
        return None
    left, right = (_polynomial(a) for a in term.args)
    if left is None or right is None or len(left.terms) + len(right.terms) > _MOST_TERMS:
        return None
    return left + right if term.op == "+" else left - right if term.op == "-" else left * right


def difference(equation: Term) -> Polynomial | None:
    """Return an equation's left side minus its right side, as `polynomial` reads them."""
    return polynomial(Term("-", equation.args))


def _order(monomial: Monomial, names: list[str]) -> tuple[int, ...]:
    exponents = dict(monomial)
    return tuple(exponents.get(n, 0) for n in names)


def divide(dividend: Polynomial, divisor: Polynomial) -> tuple[Polynomial, Polynomial]:
    """Return quotient and rest in the lexicographic order of the variables, with integer coefficients only.

    A division beyond the limit of steps or size stops there and leaves the remainder in the rest.
    """
    names = sorted(dividend.variables() | divisor.variables())
    lead = max(divisor.terms, key=lambda m: _order(m, names))
    quotient, rest, left = constant(0), constant(0), dividend
    for _ in range(_MOST_DIVISIONS):
        if not left or len(left.terms) >= _MOST_TERMS:
            break
        top = max(left.terms, key=lambda m: _order(m, names))
        exponents = dict(top)
        fits = all(exponents.get(v, 0) >= e for v, e in lead) and left.terms[top] % divisor.terms[lead] == 0
        if fits:
            monomial = tuple((v, e - dict(lead).get(v, 0)) for v, e in top if e > dict(lead).get(v, 0))
            step = Polynomial({monomial: left.terms[top] // divisor.terms[lead]})
            try:
                quotient, left = quotient + step, left - step * divisor
            except TooLarge:
                break
        else:
            moved = Polynomial({top: left.terms[top]})
            rest, left = rest + moved, left - moved
    return quotient, rest + left


def factorings(p: Polynomial) -> list[tuple[Polynomial, Polynomial, int]]:
    """Return (a, b, c) with p = 0 exactly when a b = c: a difference of squares, or one mixed product u v."""
    rest = {m: c for m, c in p.terms.items() if m}
    squares = [m for m in rest if len(m) == 1 and m[0][1] % 2 == 0]
    if len(rest) == 2 == len(squares) and sorted(rest.values()) == [-1, 1]:
        plus, minus = sorted(rest, key=lambda m: -rest[m])
        a, b = (Polynomial({((m[0][0], m[0][1] // 2),): 1}) for m in (plus, minus))
        return [(a - b, a + b, -p.constant())]
    mixed = [m for m in rest if len(m) == 2]
    if len(mixed) != 1 or len(rest) > 3:
        return []
    (u, v), alpha = mixed[0], rest[mixed[0]]
    if not set(rest) <= {mixed[0], (u,), (v,)}:
        return []
    beta, gamma = rest.get((u,), 0), rest.get((v,), 0)
    if beta % alpha:
        u, v, beta, gamma = v, u, gamma, beta
    if beta % alpha or not (beta or gamma):
        return []
    first = Polynomial({(u,): alpha}) + constant(gamma)
    second = Polynomial({(v,): 1}) + constant(beta // alpha)
    return [(first, second, gamma * (beta // alpha) - p.constant())]


def text(p: Polynomial) -> str:
    """Return the polynomial as Lean text."""
    names = sorted(p.variables())
    parts = []
    for monomial in sorted(p.terms, key=lambda m: _order(m, names), reverse=True):
        coefficient = p.terms[monomial]
        factors = [v if e == 1 else f"{v} ^ {e}" for v, e in monomial]
        if abs(coefficient) != 1 or not factors:
            factors.insert(0, str(abs(coefficient)))
        parts.append(("- " if coefficient < 0 else "+ ") + " * ".join(factors))
    if not parts:
        return "0"
    written = " ".join(parts)
    return written.removeprefix("+ ") if written.startswith("+") else "-" + written.removeprefix("- ")
