theorem two : 2 = 2 := rfl
theorem one : 1 = 1 := rfl
