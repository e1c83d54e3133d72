/-
A dozen holes for a first try, from `rfl` to inductions that need an idea:

    stepprove prove examples/first.lean
-/

theorem two_plus_two : 2 + 2 = 4 := by
  sorry

theorem and_swap (p q : Prop) (h : p ∧ q) : q ∧ p := sorry

/-- Two holes in one proof. -/
theorem between (a b c : Nat) (h : a < b ∧ b < c) : a < c ∧ c ≠ 0 := by
  constructor
  · sorry
  · sorry

theorem square_of_even (n : Nat) : (2 * n) ^ 2 % 4 = 0 := by
  have expand : (2 * n) ^ 2 = 4 * (n * n) := by
    sorry
  omega

theorem odd_witness : ∃ n : Nat, n % 2 = 1 ∧ n * n = 49 := by
  sorry

theorem reverse_twice (xs : List Nat) : xs.reverse.reverse = xs := by
  sorry

section
variable (m n : Int)

theorem square_residue : m ^ 2 % 4 = 0 ∨ m ^ 2 % 4 = 1 := by
  sorry

theorem difference_of_squares : (m + n) * (m - n) = m * m - n * n := by
  sorry

end

namespace Sums

/-- The sum of the numbers up to `n`. -/
def upTo : Nat → Nat
  | 0 => 0
  | n + 1 => upTo n + (n + 1)

theorem twice_upTo (n : Nat) : 2 * upTo n = n * (n + 1) := by
  sorry

theorem le_upTo (n : Nat) : n ≤ upTo n := by
  sorry

end Sums

theorem three_divides (n : Nat) : 3 ∣ 4 ^ n - 1 := by
  sorry

theorem exponential_beats_linear (n : Nat) (h : 3 ≤ n) : 2 * n + 1 ≤ 2 ^ n := by
  sorry

example (f : Nat → Nat) (h : ∀ n, f (n + 1) = f n + 2) (h0 : f 0 = 1) (n : Nat) : f n = 2 * n + 1 := by
  sorry
