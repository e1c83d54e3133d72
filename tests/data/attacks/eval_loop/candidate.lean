partial def spin (n : Nat) : IO Unit := spin (n + 1)
#eval spin 0
theorem wrong : (0 : Nat) = 1 := rfl
