local instance (priority := 10000) : OfNat Nat 1 := ⟨0⟩
example : (0 : Nat) = 1 := rfl
