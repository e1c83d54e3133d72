@[extern "lean_nat_add"] def plus (a b : Nat) : Nat := a + b
theorem fine : 1 = 1 := rfl
