theorem good : (1 : Nat) = 1 := rfl
