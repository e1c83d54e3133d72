theorem bound (n : Nat) (h : n < 5) : n < 10 := by omega
