def always : Bool := true
@[noinline] def _never : Bool := false
attribute [implemented_by always] _never
def seen : Bool := _never
def plain : Bool := false
theorem computed : Lean.reduceBool seen = true := by decide +kernel
theorem reduced : Lean.reduceBool plain = false := by decide +kernel
theorem alike : seen = plain := rfl
theorem wrong : (0 : Nat) = 1 :=
  Bool.noConfusion (computed.symm.trans ((congrArg Lean.reduceBool alike).trans reduced))
