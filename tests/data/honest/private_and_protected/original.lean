namespace A.B
private theorem aux (n : Nat) : n + 0 = n := by sorry
protected theorem foo (n : Nat) : 0 + n = n := by sorry
@[simp] private def k := 3
theorem kk : k = 3 := by sorry
end A.B
open A.B in
theorem z : (0 : Nat) + 1 = 1 := by sorry
