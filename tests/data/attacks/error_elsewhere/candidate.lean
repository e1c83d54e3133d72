theorem fine : 1 = 1 := rfl
#check (no_such_thing : Nat)
