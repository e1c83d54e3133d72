inductive Colour | red | green
theorem one (a b : Colour) : a = b := by sorry
