theorem wrong.eq_1 : True := trivial
theorem wrong_ : (0 : Nat) = 0 := rfl
