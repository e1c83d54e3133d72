def ackermann (m n : Nat) : Nat := match m, n with
  | 0, n => n + 1
  | m+1, 0 => ackermann m 1
  | m+1, n+1 => ackermann m (ackermann (m+1) n)
termination_by (m, n)
decreasing_by
  all_goals sorry
theorem a0 (n : Nat) : ackermann 0 n = n + 1 := by sorry
