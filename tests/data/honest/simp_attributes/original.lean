@[simp] def double (n : Nat) := n + n
@[simp] theorem double_zero : double 0 = 0 := by sorry
theorem dd (n : Nat) : double n = 2 * n := by sorry
attribute [simp] dd
theorem d3 : double 3 = 6 := by sorry
instance inst3 : Inhabited {n : Nat // n % 2 = 0} := ⟨double 3, by sorry⟩
