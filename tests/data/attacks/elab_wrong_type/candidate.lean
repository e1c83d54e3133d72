import Lean
open Lean Elab Term Meta
elab "anything" : term <= t => do
  return mkApp2 (mkConst ``id [levelZero]) t (mkConst ``True.intro)
theorem wrong : (0 : Nat) = 1 := anything
