def count : Nat := 7
theorem told : Lean.reduceNat count = 7 := by sorry
