def f (n : Nat) (h : n > 0) : Fin n := ⟨0, h⟩
theorem t (n : Nat) (h : n > 0) : f n h = ⟨0, h⟩ := by rfl
theorem u (n : Nat) (h : n > 0) : (f n h).1 = (⟨0, by exact h⟩ : Fin n).1 := by rfl
