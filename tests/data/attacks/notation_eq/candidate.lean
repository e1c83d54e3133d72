local infix:50 (priority := 10000) " = " => fun (_ _ : Nat) => True
theorem wrong : (0 : Nat) = 1 := trivial
