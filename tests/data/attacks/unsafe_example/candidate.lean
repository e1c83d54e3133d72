unsafe example : (0 : Nat) = 1 := stepprove_example_1
