partial def grow (xs : Array Nat) : IO Unit := grow (xs ++ xs ++ #[1])
#eval grow #[1]
theorem wrong : (0 : Nat) = 1 := rfl
