def lg (n : Nat) : Nat := if h : n ≤ 1 then 0 else 1 + lg ((n + 1) / 2)
termination_by n
theorem g (n : Nat) : ∃ k, n ≤ 2 ^ k := ⟨n, Nat.le_of_lt Nat.lt_two_pow_self⟩
