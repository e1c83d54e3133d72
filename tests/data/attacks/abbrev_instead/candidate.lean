abbrev yes : 1 = 1 := rfl
