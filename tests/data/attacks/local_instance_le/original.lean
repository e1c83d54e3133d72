theorem all_le (a b : Nat) : a ≤ b := by sorry
