def two (n : Nat) : {m : Nat // n < m} := ⟨n + 1, by omega⟩
theorem t (n : Nat) : (two n).1 = n + 1 := by sorry
