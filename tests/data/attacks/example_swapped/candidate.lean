example : (0 : Nat) = 0 := rfl
