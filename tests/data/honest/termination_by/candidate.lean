theorem zero_le' (n : Nat) : 0 ≤ n :=
  match n with
  | 0 => Nat.le_refl 0
  | k + 1 => Nat.le_succ_of_le (zero_le' k)
termination_by n
