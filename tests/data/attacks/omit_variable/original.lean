variable (p : Prop) (h : p)
include h
theorem t : p ∧ p := by sorry
