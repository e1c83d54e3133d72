@[irreducible] def k : Nat := 5
@[reducible] def N := Nat
@[inline] def dbl (n : N) : N := Nat.add n n
@[simp, grind =] theorem dbl_def (n : Nat) : dbl n = n + n := by sorry
theorem kk : k = 5 := by sorry
seal dbl in
theorem z : dbl 2 = 4 := by sorry
@[deprecated dbl_def (since := "2025-01-01")] theorem old (n : Nat) : dbl n = n + n := dbl_def n
