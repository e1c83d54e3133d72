import Lean
open Lean Elab Term
elab "anything" : term => do return mkConst ``True.intro
theorem wrong : (0 : Nat) = 1 := anything
