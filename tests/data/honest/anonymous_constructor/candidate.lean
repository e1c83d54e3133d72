theorem ex (n : Nat) : ∃ m, m > n ∧ m < n + 2 := ⟨n + 1, by omega, by omega⟩
