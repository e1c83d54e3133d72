theorem A.t : 1 = 1 := rfl
