set_option maxRecDepth 999 in
open Nat in
example : succ 1 = 2 := by sorry
