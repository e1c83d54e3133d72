def Nat.secret : Nat := 1
open Nat in
theorem s : secret = 2 := by sorry
