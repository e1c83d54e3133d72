theorem right : 1 = 1 := rfl
