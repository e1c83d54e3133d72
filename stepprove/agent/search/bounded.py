"""Arithmetic on the numbers of a user's text: no result exceeds a bound, and what would exceed it is not begun.

A statement may name 10 ^ (10 ^ 9), or a number of thousands of digits. Whoever computes with what it names goes through here, so
that neither the time nor the memory that takes depends on the numbers, and nothing becomes a `float`.
"""

from __future__ import annotations

import math

MOST_BITS = 4096
"""Of any number; larger ones are not worth an experiment."""
MOST_DIGITS = 1200
"""Of a numeral that is read; all such numbers have at most `MOST_BITS` bits."""


class NotEvaluated(ValueError):
    """The number is not known."""


class TooLarge(NotEvaluated):
    """It would have more than `MOST_BITS` bits."""


class OutOfEffort(NotEvaluated):
    """The experiment has used up its steps."""


class Effort:
    """The steps that an experiment may still take. They are counted, not timed, so that searches repeat."""

    __slots__ = ("left",)

    def __init__(self, steps: int) -> None:
        self.left = steps

    def spend(self, steps: int = 1) -> None:
        """Take some steps; one is about a microsecond. Raises OutOfEffort."""
        self.left -= steps
        if self.left < 0:
            raise OutOfEffort("the experiment took too long")

    @property
    def spent(self) -> bool:
        """Whether nothing is left, so that what was evaluated last may be unknown for that reason."""
        return self.left < 0


def numeral(digits: str) -> int:
    """The number that decimal digits denote. Raises TooLarge."""
    if len(digits) > MOST_DIGITS:
        raise TooLarge(f"a numeral of {len(digits)} digits")
    return int(digits)


def kept(number: int) -> int:
    """The number itself. Raises TooLarge."""
    if number.bit_length() > MOST_BITS:
        raise TooLarge(f"a number of {number.bit_length()} bits")
    return number


def product(left: int, right: int) -> int:
    """left · right. Raises TooLarge."""
    if left.bit_length() + right.bit_length() > MOST_BITS + 1:
        raise TooLarge("a product of large numbers")
    return kept(left * right)


def power(base: int, exponent: int) -> int:
    """base ^ exponent for an exponent of 0 or more. Raises TooLarge, and NotEvaluated for a negative exponent."""
    if exponent < 0:
        raise NotEvaluated("a negative exponent")
    if abs(base) <= 1:
        return base if exponent % 2 else base * base if exponent else 1
    # base has at least 2 ^ (bits - 1) in it, so that this many bits are certain.
    if exponent > MOST_BITS or (base.bit_length() - 1) * exponent > MOST_BITS:
        raise TooLarge("a large power")
    result: int = base**exponent
    return kept(result)


def power_residue(base: int, exponent: int, modulus: int) -> int | None:
    """base ^ exponent mod a positive modulus, without computing the power; None for a negative exponent."""
    return None if exponent < 0 else pow(base, exponent, modulus)


def least_common_multiple(left: int, right: int) -> int:
    """The least common multiple. Raises TooLarge."""
    divisor = math.gcd(left, right)
    return 0 if divisor == 0 else abs(product(left // divisor, right))


def integer_log(number: int, base: int) -> int:
    """The largest k with base ^ k ≤ number, for a number of 1 or more and a base of 2 or more."""
    exponent = max(0, (number.bit_length() - 1) // base.bit_length())  # at most the one that is sought
    at: int = base**exponent
    while at * base <= number:
        at *= base
        exponent += 1
    return exponent


def weight(*numbers: int) -> int:
    """The steps that an operation on these numbers takes beyond the usual one."""
    return sum(number.bit_length() for number in numbers) >> 6
