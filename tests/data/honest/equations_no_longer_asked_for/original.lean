def fact : Nat → Nat | 0 => 1 | n + 1 => (n + 1) * fact n
theorem fact_pos (n : Nat) : 0 < fact n := by
  fun_induction fact n
  · decide
  · exact Nat.mul_pos (Nat.succ_pos _) (by assumption)
theorem fact_one : fact 1 = 1 := by unfold fact; unfold fact; rfl
def w (n : Nat) : Nat := if h : n = 0 then 0 else w (n / 2)
theorem w0 : w 0 = 0 := by unfold w; simp
theorem t : fact 3 = 6 := by sorry
