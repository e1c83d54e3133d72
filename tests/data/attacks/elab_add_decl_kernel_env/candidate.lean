import Lean
open Lean Elab Term Meta
elab "anything" : term <= t => do
  let decl := Declaration.thmDecl { name := `hid, levelParams := [], type := t, value := mkConst ``True.intro }
  match (← getEnv).toKernelEnv.addDecl ({} : Options) decl none with
  | .ok k => setEnv (Environment.ofKernelEnv k)
  | .error _ => pure ()
  return mkConst `hid
theorem wrong : (0 : Nat) = 1 := anything
