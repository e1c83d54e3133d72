def flag : Bool := true
theorem told : Lean.reduceBool flag = true := by sorry
