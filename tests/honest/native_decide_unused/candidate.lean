theorem sanity : 2 ^ 10 = 1024 := by native_decide
theorem plain (n : Nat) : n + 0 = n := rfl
