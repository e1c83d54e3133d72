def double (n : Nat) : Nat := 3 * n
theorem three : double 1 = 3 := rfl
