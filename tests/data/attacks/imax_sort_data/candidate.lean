import Lean
open Lean Elab Term Meta
elab "declared" : term <= _t => do
  let sort := mkSort (.imax (.succ .zero) .zero)
  addDecl <| .inductDecl [] 0 [{ name := `Odd, type := sort, ctors := [{ name := `Odd.mk, type := mkForall `h .default (Lean.mkConst ``True) (Lean.mkConst `Odd) }] }] false
  return Lean.mkConst ``True.intro
theorem through : True := declared
theorem fine : (1 : Nat) = 1 := rfl
