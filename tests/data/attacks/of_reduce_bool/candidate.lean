def b : Bool := decide (10 < 20)
theorem big : decide (10 < 20) = true := Lean.ofReduceBool b true rfl
