#guard_msgs (drop error, drop warning) in
theorem wrong : (0 : Nat) = 1 := by simp
