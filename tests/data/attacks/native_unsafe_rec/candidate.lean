unsafe def chosen._unsafe_rec : Bool := true
def chosen : Bool := false
theorem told : chosen = true := by native_decide
theorem wrong : (0 : Nat) = 1 := Bool.noConfusion ((show chosen = false from rfl).symm.trans told)
