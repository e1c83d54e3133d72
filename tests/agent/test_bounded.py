"""No number and no term in a goal, however large or deep, makes a move or an experiment fail or run away."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from stepprove.agent.search.disprove import candidates
from stepprove.agent.search.goal import Goal, parse_goal
from stepprove.agent.search.move import MoveSource
from stepprove.agent.search.portfolio import portfolio
from stepprove.agent.search.terms.bounded import (
    MOST_BITS,
    Effort,
    NotEvaluated,
    TooLarge,
    integer_log,
    kept,
    numeral,
    power,
    power_residue,
    product,
)
from stepprove.agent.search.terms.experiments import counterexamples, solutions
from stepprove.agent.search.terms.numeric import Valuation, constants, holds, value
from stepprove.agent.search.terms.polynomial import divide, polynomial
from stepprove.agent.search.terms.term import parse, show

SECONDS = 3.0
"""The most that one source of moves, or one experiment, may take for a goal; about 1.5 are seen."""
HUGE = "1" + "0" * 4000

SOURCES = {source.__module__.rpartition(".")[2]: source for source in portfolio().sources}
EXPERIMENTS: dict[str, Callable[[Goal], object]] = {
    "solutions": solutions,
    "counterexamples": counterexamples,
    "constants": constants,
    "disproofs": lambda goal: list(candidates(goal)),
}


def _looked_at(goal: Goal, look: Callable[[Goal], object]) -> float:
    """Seconds of this thread's own work, so that a busy machine fails no test."""
    started = time.thread_time()
    look(goal)
    return time.thread_time() - started


def _moves(source: MoveSource) -> Callable[[Goal], object]:
    return lambda goal: [(move.tactic, move.label, move.ladder) for move in source(goal)]


LOOKS = {**{name: _moves(source) for name, source in SOURCES.items()}, **EXPERIMENTS}


# The numbers themselves.


@given(st.integers(), st.integers())
def test_small_arithmetic_is_exact(a: int, b: int) -> None:
    assert product(a, b) == a * b
    assert numeral(str(abs(a))) == abs(a)
    assert kept(a - b) == a - b


@given(st.integers(-(10**4000), 10**4000), st.integers(-(10**4000), 10**4000))
def test_a_power_is_exact_or_refused_at_once(base: int, exponent: int) -> None:
    started = time.thread_time()
    try:
        found = power(base, exponent)
    except NotEvaluated:
        assert exponent < 0 or abs(base) > 1
    else:
        assert found.bit_length() <= MOST_BITS
        assert found == base ** (exponent if abs(base) > 1 else exponent % 2 + 2 * (exponent > 0))
    assert time.thread_time() - started < 0.1


@pytest.mark.parametrize(
    "make", [lambda: numeral("9" * 5000), lambda: power(2, 10**4000), lambda: kept(1 << 9999)]
)
def test_what_is_too_large_is_refused(make: Callable[[], int]) -> None:
    with pytest.raises(TooLarge):
        make()


@given(st.integers(1, 10**1000), st.integers(2, 10**1000))
def test_a_whole_logarithm_is_exact(number: int, base: int) -> None:
    found = integer_log(number, base)

    assert base**found <= number < base ** (found + 1)


def test_a_residue_of_a_tower_is_found() -> None:
    assert power_residue(7, 10**1000, 10) == pow(7, 10**1000, 10)
    assert power_residue(2, -3, 10) is None


def test_an_experiment_stops_when_its_steps_are_spent() -> None:
    term = parse("x + x + x + x = 4 * x")
    assert term is not None
    effort = Effort(100)
    at = Valuation({"x": 3}, frozenset({"x"}), effort=effort)

    found = [holds(term, at) for _ in range(9)]

    assert found[0] is True
    assert found[-1] is None
    assert effort.spent


# Goals.

_NUMERALS = (
    st.integers(0, 12).map(str)
    | st.integers(0, 10**4000).map(lambda n: "1" + "0" * (n % 4000))
    | st.sampled_from(["1000000000", "340282366920938463463374607431768211456", HUGE, "9" * 1199, "9" * 1201])
    | st.integers(10**300, 10**1300).map(str)
)
_ATOMS = _NUMERALS | st.sampled_from(
    ["x", "y", "n", "a", "b", "↑n", "f 3", "f n", f"f {HUGE[:900]}", "f (n + 1)"]
)
_BINARY = st.sampled_from(["+", "-", "*", "/", "%", "^"])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return (
        st.builds("({} {} {})".format, inner, _BINARY, inner)
        | st.builds("({} ^ {})".format, inner, _NUMERALS)
        | st.builds("Nat.{} {} {}".format, st.sampled_from(["gcd", "lcm"]), st.just("n"), _NUMERALS)
        | st.builds("(-{})".format, inner)
        | st.builds("(Nat.lcm {} {})".format, inner, inner)
    )


_VALUES = st.recursive(_ATOMS, _grown, max_leaves=10)
_RELATIONS = st.builds(
    "{} {} {}".format, _VALUES, st.sampled_from(["=", "≠", "<", "≤", ">", "≥", "∣"]), _VALUES
)
_BOUNDS = st.builds(
    "{} {} {}".format, st.sampled_from("xynab"), st.sampled_from(["<", "≤", ">", "="]), _NUMERALS
)
_RECURRENCES = st.builds(
    "∀ k ≥ {}, f (k + {}) = {} * f (k + -1) + f (k - {})".format, _NUMERALS, _NUMERALS, _NUMERALS, _NUMERALS
)
_FACTS = (
    _RELATIONS
    | _BOUNDS
    | _RECURRENCES
    | st.builds("f {} = {}".format, _NUMERALS, _NUMERALS)
    | st.builds("({} ∨ {}) ∧ ¬{}".format, _RELATIONS, _RELATIONS, _BOUNDS)
    | st.builds("{} → {}".format, _RELATIONS, _RELATIONS)
)
_TARGETS = _FACTS | st.builds("∃ k, {} ∧ k < {}".format, _RELATIONS, _NUMERALS) | st.just("False")
_GOALS = st.builds(
    lambda facts, target: parse_goal(
        "x y n : Nat\na b : Int\nf : Nat → Nat\n"
        + "".join(f"h{i} : {fact}\n" for i, fact in enumerate(facts))
        + f"⊢ {target}"
    ),
    st.lists(_FACTS, max_size=6),
    _TARGETS,
)


@pytest.mark.parametrize("name", LOOKS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(_GOALS)
@example(parse_goal("x : Nat\nh : 2 ^ x = 7 ^ (10 ^ 400)\n⊢ x < 5"))
@example(parse_goal(f"x : Nat\nh : 2 ^ {HUGE} = x\n⊢ x < 5"))
def test_no_number_makes_a_source_fail_or_run_away(name: str, goal: Goal) -> None:
    assert _looked_at(goal, LOOKS[name]) < SECONDS


NESTED = "(" * 10_000 + "x" + ")" * 10_000
SUMMED = " + ".join(["x"] * 5_000)
PRODUCT = " * ".join(f"(x + y + {i})" for i in range(12))
SHAPES = {
    "nested parentheses": (f"h : {NESTED} = 1", f"{NESTED} = 2"),
    "a long sum": (f"h : {SUMMED} = 5000", f"{SUMMED} = 0"),
    "a long conjunction": (f"h : {' ∧ '.join(['x < y'] * 3000)}", " ∧ ".join(["x < y"] * 3000)),
    "long implications": (f"h : {' → '.join(['x < y'] * 3000)}", " → ".join(["x < y"] * 3000)),
    "many negations": (f"h : {'¬' * 5000}x = 1", f"{'¬' * 5000}x = 1"),
    "minus upon minus": (f"a : Int\nh : {'-' * 3000}a = 1", f"{'-' * 3000}a = 1"),
    "a tower of powers": (f"h : {'x ^ ' * 2000}2 = 1", f"{'2 ^ ' * 2000}2 % 7 = 2"),
    "powers of powers": (f"h : {'(' * 60}x{' ^ 12)' * 60} = 1", f"x - 1 ∣ {'(' * 60}x{' ^ 12)' * 60}"),
    "a wide product": (f"h : {PRODUCT} = 1", f"x + 1 ∣ ({PRODUCT}) * ({PRODUCT}) * ({PRODUCT})"),
    "many quantifiers": ("h : x = 1", "".join(f"∃ v{i}, " for i in range(3000)) + "v1 = v2"),
    "many binders": ("h : x = 1", f"∀ {' '.join(f'v{i}' for i in range(3000))}, v1 = v2"),
    "many facts": ("\n".join(f"h{i} : x ∣ {i} * y + {i * i + 1}" for i in range(1500)), "x = 1"),
    "many variables": (
        "\n".join(f"v{i} : Nat\nh{i} : v{i} * v{i} < {i}" for i in range(600)),
        " + ".join(f"v{i}" for i in range(60)) + " = 1",
    ),
    "many witnesses": (
        f"{' '.join(f'v{i}' for i in range(12))} : Nat",
        f"∃ k, k = {' + '.join(f'v{i}' for i in range(12))}",
    ),
    "a far and narrow range": (f"h : {HUGE[:1000]} ≤ x ∧ x ≤ {HUGE[:999]}3", "x * x % 7 = 1"),
    "a large upper bound": ("h : 2 ^ 200 < y\nk : x ≤ 99999 ∧ 99990 ≤ x\nl : x % 7 = 3 ∨ x * x = 8", "x < y"),
    "far functions": (f"f : Nat → Nat\nh : ∀ k, f (k + {HUGE[:1000]}) = f k", f"f {HUGE[:1001]} = f 1"),
    "heavy bodies": (
        "h : "
        + " + ".join(f"x ^ {i} * y ^ 9 * z ^ {i}" for i in range(60))
        + " = 10 ^ 999\nz w : Nat\nk : w < z",
        "∃ p q r : Nat, " + " + ".join(f"p ^ {i} * q ^ 9" for i in range(60)) + " = r ^ 200",
    ),
    "an unreadable type": (f"h : {'((' * 3000}", "x = 1"),
}


@pytest.mark.parametrize("name", LOOKS)
@pytest.mark.parametrize("shape", SHAPES)
def test_no_shape_makes_a_source_fail_or_run_away(shape: str, name: str) -> None:
    facts, target = SHAPES[shape]
    goal = parse_goal(f"x y : Nat\n{facts}\n⊢ {target}")

    assert _looked_at(goal, LOOKS[name]) < SECONDS


def test_a_term_that_was_read_can_be_walked_with_little_stack() -> None:
    read = [parse("x" + " + x" * count + " = 1") for count in range(0, 2000, 50)]
    deepest = [term for term in read if term is not None][-1]
    before = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(700)
        assert parse(show(deepest)) == deepest
        assert hash(deepest)
    finally:
        sys.setrecursionlimit(before)


def test_a_quotient_that_takes_too_long_is_not_sought() -> None:
    x, power_of_x = parse("x - 1"), parse("((x ^ 12) ^ 12) ^ 12")
    assert x is not None and power_of_x is not None
    divisor, dividend = polynomial(x), polynomial(power_of_x)

    assert divisor is not None
    assert dividend is None or divide(dividend, divisor)


def test_ordinary_numbers_are_still_computed() -> None:
    term = parse("(2 ^ 64 - 1) % 641 * 5 + Nat.lcm 4 6")
    assert term is not None

    assert value(term, Valuation({}, frozenset())) == (2**64 - 1) % 641 * 5 + 12
