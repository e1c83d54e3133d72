def yes : Bool := true
@[implemented_by yes] private def no : Bool := false
def seen : Bool := no
def plain : Bool := false
theorem computed : Lean.reduceBool seen = true := by decide +kernel
theorem reduced : Lean.reduceBool plain = false := by decide +kernel
theorem alike : seen = plain := rfl
theorem wrong : (0 : Nat) = 1 :=
  Bool.noConfusion (computed.symm.trans ((congrArg Lean.reduceBool alike).trans reduced))
