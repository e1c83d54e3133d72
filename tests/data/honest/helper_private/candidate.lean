private theorem helper (a b : Nat) : a + b = b + a := Nat.add_comm a b
theorem add_swap (a b c : Nat) : a + b + c = c + b + a := by
  rw [helper (a + b) c, helper a b, Nat.add_assoc]
