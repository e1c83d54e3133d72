local instance (priority := high) : Add Nat := ⟨fun a _ => a⟩
theorem bad (a b : Nat) : a + b = a := rfl
