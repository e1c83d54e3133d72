import Lean

open Lean Elab Command in
set_option compiler.extract_closed false in
run_cmd do
  let env ← getEnv
  let some info := env.constants.map₁[``Nat.add_comm]? | throwError "it is not there"
  let statement := mkApp3 (mkConst ``Eq [levelOne]) (mkConst ``Nat) (mkNatLit 0) (mkNatLit 1)
  let cell : IO.Ref AxiomVal := unsafe unsafeCast info
  cell.set (AxiomVal.mk (ConstantVal.mk ``Nat.add_comm [] statement) false)

theorem claim : (0 : Nat) = 1 := Nat.add_comm
