def at' (xs : List Nat) (i : Nat) : Nat := if h : i < xs.length then xs[i]'(by sorry) else if k : xs = [] then 0 else xs[xs.length - 1]'(by sorry)
theorem at0 : at' [4] 0 = 4 := by sorry
