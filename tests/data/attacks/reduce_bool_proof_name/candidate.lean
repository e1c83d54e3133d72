def always : Bool := true
@[implemented_by always] def wrong._proof_1 : Bool := false
def seen : Bool := wrong._proof_1
def plain : Bool := false
theorem computed : Lean.reduceBool seen = true := by decide +kernel
theorem reduced : Lean.reduceBool plain = false := by decide +kernel
theorem alike : seen = plain := rfl
theorem wrong : (0 : Nat) = 1 :=
  Bool.noConfusion (computed.symm.trans ((congrArg Lean.reduceBool alike).trans reduced))
