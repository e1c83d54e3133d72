theorem lem (p : Prop) : p ∨ ¬p := by sorry
