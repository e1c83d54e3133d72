axiom P : Prop
axiom p : P
theorem q : P ∧ P := by sorry
