/-- theorem wrong : (0 : Nat) = 1 := rfl -/
def unrelated : Nat := 0
