def List.reverse._redArg : Bool := false
theorem told : List.reverse._redArg = true := by native_decide
theorem wrong : (0 : Nat) = 1 := Bool.noConfusion ((show List.reverse._redArg = false from rfl).symm.trans told)
