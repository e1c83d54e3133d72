theorem sum_zero (xs : List Nat) : (xs.map fun _ => 0).length = xs.length := by
  induction xs with
  | nil => rfl
  | cons x xs ih => simp
