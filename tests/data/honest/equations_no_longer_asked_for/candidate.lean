def fact : Nat → Nat | 0 => 1 | n + 1 => (n + 1) * fact n
theorem fact_pos (n : Nat) : 0 < fact n := by
  induction n with
  | zero => exact Nat.one_pos
  | succ n ih => exact Nat.mul_pos (Nat.succ_pos _) ih
theorem fact_one : fact 1 = 1 := rfl
def w (n : Nat) : Nat := if h : n = 0 then 0 else w (n / 2)
theorem w0 : w 0 = 0 := by rw [w]; simp
theorem t : fact 3 = 6 := by rfl
