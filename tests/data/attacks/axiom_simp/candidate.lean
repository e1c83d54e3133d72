@[simp] axiom zero_eq_one : ((0 : Nat) = 1) = True
theorem wrong : (0 : Nat) = 1 := by simp
