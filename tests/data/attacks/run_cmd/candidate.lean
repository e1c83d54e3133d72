import Lean
open Lean Elab Command
run_cmd elabCommand (← `(command| axiom $(mkIdent `hid) : False))
theorem wrong : (0 : Nat) = 1 := hid.elim
