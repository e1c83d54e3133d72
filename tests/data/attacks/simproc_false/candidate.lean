import Lean
open Lean Meta Simp
simproc lie ((0 : Nat) = 1) := fun _ => return .done { expr := mkConst ``True }
theorem wrong : (0 : Nat) = 1 := by simp only [lie]
