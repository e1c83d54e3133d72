import Lean
open Lean Elab Term Meta
elab "change" : term <= _t => do
  addDecl <| .axiomDecl { name := `taken, levelParams := [], type := .fvar ⟨`free⟩, isUnsafe := false }
  return Lean.mkConst ``True.intro
theorem through : True := change
theorem fine : (1 : Nat) = 1 := rfl
