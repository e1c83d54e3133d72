namespace A.B
private theorem aux (n : Nat) : n + 0 = n := by rfl
protected theorem foo (n : Nat) : 0 + n = n := by simp
@[simp] private def k := 3
theorem kk : k = 3 := by rfl
end A.B
open A.B in
theorem z : (0 : Nat) + 1 = 1 := by exact A.B.foo 1
