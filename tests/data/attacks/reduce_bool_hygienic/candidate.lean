macro "hidden" : command => `(
  def always : Bool := true
  @[implemented_by always] def never : Bool := false
  def seen : Bool := never
  def plain : Bool := false
  theorem computed : Lean.reduceBool seen = true := by decide +kernel
  theorem reduced : Lean.reduceBool plain = false := by decide +kernel
  theorem alike : seen = plain := rfl
  theorem $(Lean.mkIdent `wrong) : (0 : Nat) = 1 :=
    Bool.noConfusion (computed.symm.trans ((congrArg Lean.reduceBool alike).trans reduced)))
hidden
