unif_hint (a b : Nat) where |- a =?= b + 1
theorem t (n : Nat) : n = n + 1 := rfl
