def test : Bool := decide (2 + 2 = 4)
theorem told : Lean.reduceBool test = true := rfl
theorem ok : (2 : Nat) + 2 = 4 := (fun _ => rfl : Lean.reduceBool test = true → _) told
