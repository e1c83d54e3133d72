theorem sum_zero (xs : List Nat) : (xs.map fun _ => 0).length = xs.length := by sorry
