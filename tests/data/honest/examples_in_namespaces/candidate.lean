namespace A
section
variable (n : Nat)
example : n = n := by
  rfl
end
def k := 3
example :
  k = 3 := by rfl
end A
