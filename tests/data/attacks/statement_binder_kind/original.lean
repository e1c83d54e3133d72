theorem imp (p : Prop) (h : p) : p := by sorry
