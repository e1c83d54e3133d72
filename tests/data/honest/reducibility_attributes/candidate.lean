@[irreducible] def k : Nat := 5
@[reducible] def N := Nat
@[inline] def dbl (n : N) : N := Nat.add n n
@[simp, grind =] theorem dbl_def (n : Nat) : dbl n = n + n := by rfl
theorem kk : k = 5 := by unfold k; rfl
seal dbl in
theorem z : dbl 2 = 4 := by rw [dbl_def]
@[deprecated dbl_def (since := "2025-01-01")] theorem old (n : Nat) : dbl n = n + n := dbl_def n
