inductive Colour | red
theorem one (a b : Colour) : a = b := by cases a; cases b; rfl
