variable (p : Prop)
theorem t : p ∧ p ∨ True := Or.inr trivial
