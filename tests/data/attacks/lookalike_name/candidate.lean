theorem а : 1 = 1 := rfl
