theorem trip (p : Prop) (h : p) : ¬¬p := by sorry
