local notation "⟪" a "," b "⟫" => a + b
theorem aux (a b : Nat) : ⟪a, b⟫ = ⟪b, a⟫ := Nat.add_comm a b
theorem add_swap (a b c : Nat) : a + b + c = c + b + a := by have := aux a b; omega
