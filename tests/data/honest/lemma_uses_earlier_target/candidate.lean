theorem a1 (n : Nat) : n ≤ n + 1 := by omega
theorem a2 (n : Nat) : n ≤ n + 2 := Nat.le_trans (a1 n) (a1 (n + 1))
