"""Bounded arithmetic on the numbers of a user's text: an operation with a result beyond the bound is refused.

A statement may name 10 ^ (10 ^ 9), or a number of thousands of digits. All computation with such numbers uses this module, so
that its time and memory do not depend on them, and no number becomes a `float`.
"""

from __future__ import annotations

import math

MOST_BITS = 4096
"""Bits of any number; larger ones are not worth an experiment."""
MOST_DIGITS = 1200
"""Digits of a numeral; all such numbers have at most `MOST_BITS` bits."""


class NotEvaluated(ValueError):
    """The number is unknown."""


class TooLarge(NotEvaluated):
    """The number has more than `MOST_BITS` bits."""


class OutOfEffort(NotEvaluated):
    """The experiment has spent its steps."""


class Effort:
    """A budget of steps for an experiment; steps are counted, not timed, so that searches repeat."""

    __slots__ = ("left",)

    def __init__(self, steps: int) -> None:
        self.left = steps

    def spend(self, steps: int = 1) -> None:
        """Spend steps of about a microsecond each; raise OutOfEffort when none are left."""
        self.left -= steps
        if self.left < 0:
            raise OutOfEffort("the experiment took too long")

    @property
    def spent(self) -> bool:
        """Whether no step is left, so that the last value may be unknown for that reason."""
        return self.left < 0


def numeral(digits: str) -> int:
    """Return the number of a decimal numeral; raise TooLarge."""
    if len(digits) > MOST_DIGITS:
        raise TooLarge(f"a numeral of {len(digits)} digits")
    return int(digits)


def kept(number: int) -> int:
    """Return the number itself; raise TooLarge."""
    if number.bit_length() > MOST_BITS:
        raise TooLarge(f"a number of {number.bit_length()} bits")
    return number


def product(left: int, right: int) -> int:
    """Return left · right; raise TooLarge."""
    if left.bit_length() + right.bit_length() > MOST_BITS + 1:
        raise TooLarge("a product of large numbers")
    return kept(left * right)


def power(base: int, exponent: int) -> int:
    """Return base ^ exponent.

    Raises:
        TooLarge: the result is beyond the bound.
        NotEvaluated: the exponent is negative.
    """
    if exponent < 0:
        raise NotEvaluated("a negative exponent")
    if abs(base) <= 1:
        return base if exponent % 2 else base * base if exponent else 1
    # base ≥ 2 ^ (bits - 1), so the result has at least this many bits.
    if exponent > MOST_BITS or (base.bit_length() - 1) * exponent > MOST_BITS:
        raise TooLarge("a large power")
    result: int = base**exponent
    return kept(result)


def power_residue(base: int, exponent: int, modulus: int) -> int | None:
    """Return base ^ exponent mod a positive modulus without the power itself; None for a negative exponent."""
    return None if exponent < 0 else pow(base, exponent, modulus)


def least_common_multiple(left: int, right: int) -> int:
    """Return the least common multiple; raise TooLarge."""
    divisor = math.gcd(left, right)
    return 0 if divisor == 0 else abs(product(left // divisor, right))


def integer_log(number: int, base: int) -> int:
    """Return the largest k with base ^ k ≤ number, for number ≥ 1 and base ≥ 2."""
    exponent = max(0, (number.bit_length() - 1) // base.bit_length())  # at most the result
    at: int = base**exponent
    while at * base <= number:
        at *= base
        exponent += 1
    return exponent


def weight(*numbers: int) -> int:
    """Return the extra steps of an operation on these numbers."""
    return sum(number.bit_length() for number in numbers) >> 6
