def half : Nat → Nat
  | 0 => 0
  | 1 => 0
  | n + 2 => half n + 1
termination_by structural n => n
theorem half_le (n : Nat) : half n ≤ n := by fun_induction half n <;> omega
theorem half_double (n : Nat) : half (2 * n) = n := by induction n with
  | zero => rfl
  | succ n ih => rw [show 2 * (n + 1) = 2 * n + 2 by omega, half, ih]
