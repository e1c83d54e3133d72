macro "done_by_magic" : tactic => `(tactic| sorry)
theorem wrong : (0 : Nat) = 1 := by done_by_magic
