inductive C | a | b
def f (c : C) : Nat := match c with | .a => 1 | .b => 0
theorem t : f .b = 1 := by sorry
