inductive C | a | b
def f (c : C) : Nat := match c with | .b => 1 | .a => 0
theorem t : f .b = 1 := by rfl
