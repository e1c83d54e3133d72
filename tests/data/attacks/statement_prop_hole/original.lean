theorem t : (sorry : Prop) ∧ True := by sorry
