theorem double (n : Nat) : n + n = 2 * n := go n
where
  go (k : Nat) : k + k = 2 * k := by omega
