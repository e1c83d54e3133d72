def gcd' (a b : Nat) : Nat := if h : b = 0 then a else gcd' b (a % b)
termination_by b
decreasing_by exact Nat.mod_lt _ (by omega)
def collatzish (n : Nat) : Nat := if h : n ≤ 1 then 0 else if n % 2 = 0 then collatzish (n / 2) else collatzish (n - 1)
termination_by n
decreasing_by
  · omega
  · omega
