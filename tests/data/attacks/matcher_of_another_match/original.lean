theorem t (x : Option Nat) : (match x with | some _ => 1 | none => 0) = 1 := by sorry
