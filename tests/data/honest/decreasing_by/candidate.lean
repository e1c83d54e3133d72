theorem half_ok (n : Nat) : n / 2 ≤ n :=
  if h : n = 0 then by omega else by
    have := half_ok (n - 1)
    omega
termination_by n
decreasing_by omega
