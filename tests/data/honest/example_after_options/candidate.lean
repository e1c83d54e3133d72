set_option maxRecDepth 999 in
open Nat in /- x -/
example /- y -/ : succ 1 = 2 := by rfl
