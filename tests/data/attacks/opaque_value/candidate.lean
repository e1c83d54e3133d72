opaque secret : Nat := 4
theorem t : secret = secret ∧ 1 = 1 := ⟨rfl, rfl⟩
