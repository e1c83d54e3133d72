"""Reading goals and terms, and experimenting with them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepprove.agent.search.goal import parse_goal
from stepprove.agent.search.terms.experiments import literal_bounds, solutions
from stepprove.agent.search.terms.numeric import Valuation, holds, value
from stepprove.agent.search.terms.polynomial import divide, polynomial
from stepprove.agent.search.terms.term import Term, num, parse, show, var


@pytest.mark.parametrize(
    "text",
    [
        "x ^ 2 * y + x * y ^ 2 = 880",
        "a - (b - c) - (a + b)",
        "(n + 7).gcd (2 * n + 1) ≤ 13",
        "(a → b) → c",
        "∃ f, f 1 = 2 ∧ (∀ n : ℕ, f (f n) = f n + n)",
        "-a ^ 2 - -b",
        "↑c - ↑b = ↑d",
    ],
)
def test_a_term_prints_as_it_was_read(text: str) -> None:
    term = parse(text)

    assert term is not None
    assert show(term) == text


@pytest.mark.parametrize("text", ["fun x => x", "∑ i, f i", "[1, 2]", "if p then a else b", "(a, b)", "x ="])
def test_what_is_not_understood_is_nothing(text: str) -> None:
    assert parse(text) is None


_TERMS = st.recursive(
    st.builds(num, st.integers(0, 9)) | st.sampled_from([var("x"), var("y")]),
    lambda inner: (
        st.builds(lambda op, a, b: Term(op, (a, b)), st.sampled_from(["+", "-", "*", "/", "%"]), inner, inner)
        | st.builds(lambda a, k: Term("^", (a, num(k))), inner, st.integers(0, 3))
        | st.builds(lambda a: Term("neg", (a,)), inner)
    ),
    max_leaves=12,
)


@given(_TERMS)
def test_printing_and_reading_are_inverse(term: Term) -> None:
    assert parse(show(term)) == term


def test_subtraction_stops_at_zero_for_naturals_only() -> None:
    term = parse("x - 5")
    assert term is not None

    assert value(term, Valuation({"x": 3}, frozenset({"x"}))) == 0
    assert value(term, Valuation({"x": 3}, frozenset())) == -2


@pytest.mark.parametrize(
    ("text", "expected"),
    [("-7 / 2", -4), ("-7 % 2", 1), ("7 / -2", -3), ("7 % -2", 1), ("5 / 0", 0), ("5 % 0", 5)],
)
def test_division_rounds_as_in_lean(text: str, expected: int) -> None:
    term = parse(text)
    assert term is not None

    assert value(term, Valuation({}, frozenset()), False) == expected


def test_lean_divides_integers_the_same_way(repl) -> None:
    answer = repl.command(
        "example : (-7 : Int) / 2 = -4 ∧ (-7 : Int) % 2 = 1 ∧ (7 : Int) / -2 = -3 := by decide"
    )

    assert not answer.has_errors


def test_a_goal_is_read_with_its_case_and_long_types() -> None:
    goal = parse_goal("case succ\nn m : Nat\nh :\n  n = 0 ∨\n    m = 1\nx : Nat := 5\n⊢ n +\n  m = 2")

    assert goal.case == "succ"
    assert goal.target == "n + m = 2"
    assert goal.kind("h") == "n = 0 ∨ m = 1"
    assert goal.naturals == ("n", "m")


def test_goals_that_differ_in_order_only_have_one_key() -> None:
    one = parse_goal("a : Nat\nh : a = 1\nk : a = 2\n⊢ False")
    other = parse_goal("a : Nat\nk : a = 2\nh : a = 1\n⊢ False")

    assert one.key == other.key


def test_goals_with_different_names_have_different_keys() -> None:
    assert parse_goal("a : Nat\nh : a = 1\n⊢ False").key != parse_goal("a : Nat\nk : a = 1\n⊢ False").key


def test_bounds_are_read_off_the_facts() -> None:
    goal = parse_goal("x : Int\nh : 3 ≤ x ∧ x < 8\nk : ¬7 ≤ x\n⊢ False")

    assert literal_bounds(goal, "x") == (3, 6)


def test_an_experiment_finds_the_solutions() -> None:
    goal = parse_goal("x y : Nat\nh : x * y + (x + y) = 71\nk : x ^ 2 * y + x * y ^ 2 = 880\n⊢ False")

    found = solutions(goal)

    assert found is not None
    assert found.values == ((5, 11), (11, 5))


def test_an_unknown_function_has_no_truth_value() -> None:
    term = parse("f 3 = 4")
    assert term is not None

    assert holds(term, Valuation({}, frozenset())) is None


def test_division_of_polynomials_leaves_quotient_and_rest() -> None:
    def read(text: str):
        term = parse(text)
        assert term is not None
        found = polynomial(term)
        assert found is not None
        return found

    quotient, rest = divide(read("x ^ 3 + y ^ 3 + 5"), read("x + y"))

    assert quotient == read("x ^ 2 - x * y + y ^ 2")
    assert rest == read("5")
