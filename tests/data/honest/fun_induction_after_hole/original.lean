def log2' (n : Nat) : Nat := if h : n ≤ 1 then 0 else 1 + log2' (n / 2)
termination_by n
decreasing_by sorry
theorem log2'_one : log2' 1 = 0 := by sorry
theorem log2'_le (n : Nat) : log2' n ≤ n := by sorry
