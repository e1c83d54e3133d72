theorem wrong : (0 : Nat) = 1 := by
  exact (show (0 : Nat) = 1 from by simp_all : _)
