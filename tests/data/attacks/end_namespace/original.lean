namespace A
def x : Nat := 1
end A
theorem A.t : A.x = 2 := by sorry
