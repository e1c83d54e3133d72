theorem dne (p : Prop) (h : ¬¬p) : p := by sorry
