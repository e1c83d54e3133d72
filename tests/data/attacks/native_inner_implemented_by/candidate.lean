def always (_ : Nat) : Bool := true
def host (n : Nat) : Bool :=
  let rec @[implemented_by always] _go (_ : Nat) : Bool := false
  _go n
theorem told : host 0 = true := by native_decide
theorem wrong : (0 : Nat) = 1 := Bool.noConfusion ((show host 0 = false from rfl).symm.trans told)
