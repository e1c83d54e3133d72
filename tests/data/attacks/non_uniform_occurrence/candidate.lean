import Lean
open Lean Elab Term Meta
elab "declared" : term <= _t => do
  let self (e : Expr) := mkApp (Lean.mkConst `Grown) e
  let deeper := mkApp (Lean.mkConst ``List [.zero]) (self (mkApp (Lean.mkConst ``List [.zero]) (mkBVar 0)))
  addDecl <| .inductDecl [] 1 [{ name := `Grown, type := mkForall `a .default (mkSort 1) (mkSort 1), ctors := [{ name := `Grown.mk, type := mkForall `a .default (mkSort 1) (mkForall `x .default deeper (self (mkBVar 1))) }] }] false
  return Lean.mkConst ``True.intro
theorem through : True := declared
theorem fine : (1 : Nat) = 1 := rfl
