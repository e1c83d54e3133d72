noncomputable def choice (p : Nat → Prop) (h : ∃ n, p n) : Nat := h.choose
theorem pick (p : Nat → Prop) (h : ∃ n, p n) : ∃ n, p n ∧ n = n := ⟨choice p h, h.choose_spec, rfl⟩
