import Lean
open Lean Elab Term Meta
elab "change" : term <= _t => do
  addDecl <| .opaqueDecl { name := `taken, levelParams := [], type := Lean.mkConst ``False, value := .bvar 3, isUnsafe := false, all := [`taken] }
  return Lean.mkConst ``True.intro
theorem through : True := change
theorem fine : (1 : Nat) = 1 := rfl
