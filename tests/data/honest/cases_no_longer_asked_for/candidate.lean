def g (n : Nat) : Nat := match n with | 0 => 0 | n+1 => g n
theorem gz (n : Nat) : g n = 0 := by
  induction n with
  | zero => rfl
  | succ n ih => exact ih
theorem t (xs : List Nat) (h : xs ≠ []) : xs.head h = xs.head h := by
  rfl
