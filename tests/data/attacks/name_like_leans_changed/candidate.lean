theorem good : (1 : Nat) = 1 := rfl
theorem good.match_1 : (0 : Nat) = 0 := rfl
