theorem add_swap (a b c : Nat) : a + b + c = c + b + a := 
  calc a + b + c = c + (a + b) := Nat.add_comm _ _
    _ = c + (b + a) := by rw [Nat.add_comm a b]
    _ = c + b + a := (Nat.add_assoc _ _ _).symm
