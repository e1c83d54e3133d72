theorem a (n : Nat) : (⟨n + 1, ⟨by sorry, by sorry⟩⟩ : {m : Nat // n < m ∧ 0 < m}).1 = n + 1 := by rfl
