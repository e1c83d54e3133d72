theorem a (n : Nat) : (⟨n + 1, ⟨by omega, by omega⟩⟩ : {m : Nat // n < m ∧ 0 < m}).1 = n + 1 := by rfl
