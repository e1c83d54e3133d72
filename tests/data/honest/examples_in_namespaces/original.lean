namespace A
section
variable (n : Nat)
example : n = n := by sorry
end
def k := 3
example : k = 3 := by sorry
end A
