import Lean
open Lean Elab Term Meta
elab "anything" : term <= t => do
  withOptions (fun o => o.setBool `debug.skipKernelTC true) do
    addDecl (.thmDecl { name := `hid, levelParams := [], type := t, value := mkConst ``True.intro })
  return mkConst `hid
theorem wrong : (0 : Nat) = 1 := anything
