partial def flood (n : Nat) : IO Unit := do IO.println "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"; flood (n + 1)
#eval flood 0
theorem wrong : (0 : Nat) = 1 := rfl
