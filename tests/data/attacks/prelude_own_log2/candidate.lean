prelude
import Init.Prelude
import Init.Core
def Nat.log2 (_ : @& Nat) : Nat := 7
theorem one : Nat.log2 1 = 7 := by unfold Nat.log2; rfl
theorem two : Nat.log2 1 = 0 := rfl
theorem boom : False := Nat.noConfusion (one.symm.trans two)
