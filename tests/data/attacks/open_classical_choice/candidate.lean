open Classical in
theorem t : ∀ f : Nat → Nat, ∃ n, f n = 0 := fun f => ⟨choose ⟨0, rfl⟩, choose_spec ⟨0, rfl⟩⟩
