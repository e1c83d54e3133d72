macro "one" : term => `((1 : Nat))
theorem computed : 10 < 20 := by native_decide
theorem fine : one = 1 := rfl
