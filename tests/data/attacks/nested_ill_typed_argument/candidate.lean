import Lean
open Lean Elab Term Meta
inductive Tagged (α : Type) (b : Bool) : Type where | mk
structure Holder where b : Bool
elab "declared" : term <= _t => do
  let self := mkApp (Lean.mkConst `Sick) (mkBVar 0)
  let wrongly := mkProj ``Holder 0 (mkBVar 0)
  addDecl <| .inductDecl [] 1 [{ name := `Sick, type := mkForall `n .default (Lean.mkConst ``Nat) (mkSort 1), ctors := [{ name := `Sick.mk, type := mkForall `n .default (Lean.mkConst ``Nat) <| mkForall `t .default (mkApp2 (Lean.mkConst ``Tagged) self wrongly) (mkApp (Lean.mkConst `Sick) (mkBVar 1)) }] }] false
  return Lean.mkConst ``True.intro
theorem through : True := declared
theorem fine : (1 : Nat) = 1 := rfl
