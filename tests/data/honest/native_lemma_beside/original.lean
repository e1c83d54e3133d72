macro "one" : term => `((1 : Nat))
theorem fine : one = 1 := by sorry
