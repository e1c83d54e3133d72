attribute [local simp] Nat.add_comm Nat.add_left_comm Nat.add_assoc
theorem add_swap (a b c : Nat) : a + b + c = c + b + a := by simp
