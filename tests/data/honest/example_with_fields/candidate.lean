example : Inhabited Nat where
  default := 3
example : 1 = 1 := rfl
