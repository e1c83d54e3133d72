def swap01 (a : Array Nat) (h : 1 < a.size) : Array Nat := a.swap 0 1 (by sorry) (by sorry)
theorem swap_size (a : Array Nat) (h : 1 < a.size) : (swap01 a h).size = a.size := by sorry
def bump (a : Array Nat) (i : Fin a.size) : Array Nat := a.set i (a[i] + 1) (by sorry)
def two (a : Vector Nat 4) : Nat := a[0]'(by sorry) + a.get ⟨3, by sorry⟩
