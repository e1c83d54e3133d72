"""Each move proves something that no closing tactic proves."""

from __future__ import annotations

import pytest

from stepprove.agent.search.goal import Goal, parse_goal
from stepprove.agent.search.portfolio import portfolio

CLOSERS = "first | rfl | decide | omega | simp_all | grind"

MOVES = {
    "induction": (
        "theorem t (f : Nat → Nat) (h : ∀ n, f (n + 1) = f n + 2) (h0 : f 0 = 1) (n : Nat) : f n = 2 * n + 1 := by sorry",
        "induction n",
    ),
    "induction from": ("theorem t (n : Nat) (h : 4 ≤ n) : n ^ 2 ≤ 2 ^ n := by sorry", "induction from 4"),
    "two cases at once": (
        "theorem t (a : Nat → Int) (h0 : a 0 = 0) (h1 : a 1 = 1) (h : ∀ n, a (n + 2) = 2 * a (n + 1) - a n) "
        "(n : Nat) : a n = n := by sorry",
        "in steps of two",
    ),
    "subtraction": (
        "theorem t (n : Nat) (u : Nat → Nat) (h0 : u 0 = 0) (h : ∀ n, u (n + 1) = 2 * u n + n) : "
        "u n = 2 ^ n - (n + 1) := by sorry",
        "subtraction",
    ),
    "residues": ("theorem t (n : Int) : 6 ∣ n ^ 3 - n := by sorry", "residues of n mod 6"),
    "power residues": (
        "theorem t (x y : Int) : x ^ 5 ≠ y ^ 2 + 4 := by sorry",
        "residues of powers mod 11",
    ),
    "residues of a cast": (
        "theorem t (a : Int) (b : Nat) (h : a % 2 = 1) (k : 4 ∣ b) : (a ^ 2 + b ^ 2) % 8 = 1 := by sorry",
        "residues of powers mod 8",
    ),
    "period of a power": ("theorem t (n : Nat) : ¬7 ∣ 2 ^ n + 1 := by sorry", "period of 2 ^ n mod 7"),
    "bound": ("theorem t (b : Nat) (h : 3 * b ^ 2 + 2 * b + 1 = 57) : b = 4 := by sorry", "all cases"),
    "factor": (
        "theorem t (a b : Nat) (h : a * b = 91) (k : (a + 3) * (b - 3) = 100) : a = 7 := by sorry",
        "a factor divides 91",
    ),
    "exponents": (
        "theorem t (x y : Nat) (h : 2 ^ x * 3 ^ y = 72) : x + y = 5 := by sorry",
        "a divisor is at most the number",
    ),
    "every value": (
        "theorem t (a b n : Nat) (h : 1 ≤ a ∧ a ≤ 9) (k : n = 10 * a + b) (l : n = a * b + a + b) : b = 9 := by sorry",
        "cases of a",
    ),
    "gcd": (
        "theorem t (n : Nat) : Nat.gcd (n + 7) (2 * n + 1) ≤ 13 := by sorry",
        "eliminate a variable",
    ),
    "cofactor": ("theorem t (a b : Int) : a + b ∣ a ^ 5 + b ^ 5 := by sorry", "give the cofactor"),
    "cofactor modulo an equation": (
        "theorem t (a b c : Int) (h : a ^ 2 + b ^ 2 = a * c) : a + b ∣ a ^ 3 + a * b ^ 2 + b * c * a := by sorry",
        "give the cofactor",
    ),
    "multiple": ("theorem t (a b c : Int) (h : a ∣ b) : a ∣ b * c - 2 * b := by sorry", "a multiple"),
    "remainders": (
        "theorem t (m x : Int) (h : 10 ≤ m ∧ m ≤ 99) (k : 6 * x % m = 1) (l : (x - 6 ^ 2) % m = 0) : m = 43 := by sorry",
        "eliminate a variable",
    ),
    "periodic sequence": (
        "theorem t (x : Nat → Int) (h1 : x 1 = 3) (h2 : x 2 = 5) (h : ∀ n ≥ 3, x n = x (n - 1) - x (n - 2)) : "
        "x 601 + x 902 = 8 := by sorry",
        "has period 6",
    ),
    "witness": ("theorem t : ∃ x y : Nat, x ^ 2 + y ^ 2 = 1105 ∧ x < y := by sorry", "witness 4, 33"),
    "witness in a variable": (
        "theorem t (n : Nat) : ∃ m, m > n ∧ m % 2 = 0 := by sorry",
        "witness 2 * (n + 1)",
    ),
    "contradiction": (
        "theorem t (a b : Int) (h : 0 < a ∧ 0 < b) (k : 49 ∣ a ^ 2 + a * b + b ^ 2) : 8 ≤ a + b := by sorry",
        "by contradiction",
    ),
    "products of inequalities": (
        "theorem t (x y : Int) (h : 0 < y) (k : y < x) (l : x + y + x * y = 80) : x = 26 := by sorry",
        "bound y",
    ),
    "residue of a formula": (
        "theorem t (k : Nat) (h : k = 2008 ^ 2 + 2 ^ 2008) : (k ^ 2 + 2 ^ k) % 10 = 6 := by sorry",
        "period of 2 ^ n mod 10",
    ),
}


LONG = {"products of inequalities", "residues of a cast", "factor", "residue of a formula"}
"""Many seconds each: for the long run."""


@pytest.mark.parametrize(
    ("statement", "move"),
    [
        pytest.param(*case, id=name, marks=[pytest.mark.nightly] if name in LONG else [])
        for name, case in MOVES.items()
    ],
)
def test_a_move_proves_what_no_closing_tactic_does(searcher, statement: str, move: str) -> None:
    assert not searcher.closes(statement, CLOSERS)

    result = searcher(statement)

    assert searcher.accepted(statement, result.script), result
    assert move in result.found_by


def test_closers_come_cheapest_first() -> None:
    tactics = [move.tactic for move in portfolio().closers(parse_goal("n : Nat\n⊢ n + 0 = n"))]

    assert tactics[0] == "omega"
    assert "simp_all" in tactics


def test_mathlib_tactics_join_only_where_mathlib_is() -> None:
    goal = parse_goal("x : ℝ\n⊢ 0 ≤ x ^ 2")

    def tactics(mathlib: bool) -> set[str]:
        moves = portfolio(mathlib)
        return {m.tactic for m in [*moves.closers(goal), *moves.moves(goal)]}

    assert {"norm_num", "ring", "positivity", "linarith", "nlinarith"} <= tactics(True)
    assert not {"norm_num", "ring", "positivity", "linarith", "nlinarith"} & tactics(False)


def test_only_definitions_that_the_goal_names_are_unfolded() -> None:
    moves = portfolio(definitions=("Sums.upTo", "other")).moves(parse_goal("n : Nat\n⊢ upTo n = n"))

    tactics = [move.tactic for move in moves]
    assert "simp only [Sums.upTo]" in tactics
    assert not any("other" in tactic for tactic in tactics)


def test_forced_moves_come_before_all_others() -> None:
    goal = parse_goal("a b : Nat\nh : a = 1 ∧ b = 2\n⊢ a + b = 3")

    first = next(iter(portfolio().moves(goal)))

    assert first.forced
    assert first.tactic == "obtain ⟨h, h'⟩ := h"


def test_a_goal_outside_arithmetic_still_gets_moves() -> None:
    goal: Goal = parse_goal("α : Type\nxs : List α\n⊢ xs.reverse.reverse = xs")

    assert any(move.tactic == "grind" for move in portfolio().moves(goal))
