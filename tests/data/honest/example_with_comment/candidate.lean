example (n : Nat) : /- the sum -/ n + 0 -- zero
    = n := by rfl
