#check Nat.add_comm
theorem add_swap (a b c : Nat) : a + b + c = c + b + a := by omega
#print axioms add_swap
#print add_swap
example : 1 = 1 := rfl
