/-! # A module
  with text /- nested -/ and `sorry` and `axiom` in it -/

/-- A doc comment: `sorry`. -/
theorem add_swap (a b c : Nat) : a + b + c = c + b + a := by
  -- sorry
  /- admit -/
  omega
