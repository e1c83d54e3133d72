theorem add_swap (a b c : Nat) : a + b + c = c + b + a := by omega
theorem corollary : 1 + 2 + 3 = 3 + 2 + 1 := add_swap 1 2 3
