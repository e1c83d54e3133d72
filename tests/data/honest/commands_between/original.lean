def f (n : Nat) : Nat := n * n
#eval f 3
#check @f
#print f
#print axioms f
theorem t : f 3 = 9 := by sorry
#check t
#print axioms t
example : f 2 = 4 := by sorry
