def always (_ : Nat) : Bool := true
def host (n : Nat) : Bool := _inner n
where
  @[implemented_by always] _inner (_ : Nat) : Bool := false
def seen : Bool := host 3
def plain : Bool := false
theorem computed : Lean.reduceBool seen = true := by decide +kernel
theorem reduced : Lean.reduceBool plain = false := by decide +kernel
theorem alike : seen = plain := rfl
theorem wrong : (0 : Nat) = 1 :=
  Bool.noConfusion (computed.symm.trans ((congrArg Lean.reduceBool alike).trans reduced))
