instance (priority := 10000) : OfNat Nat 1 := ⟨Nat.zero⟩
theorem zero_one : (0 : Nat) = 1 := rfl
