def pick (xs : List Nat) (h : xs.length = 2) : Nat := by
  cases xs with
  | nil => exact absurd h (by sorry)
  | cons a l => exact a + l.length
def mk2 : { n : Nat // n > 3 } := by
  refine ⟨5, ?_⟩
  sorry
theorem pk : pick [1, 2] rfl = 2 := by sorry
