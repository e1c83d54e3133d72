local instance (priority := high) : LE Nat := ⟨fun _ _ => True⟩
theorem all_le (a b : Nat) : a ≤ b := trivial
