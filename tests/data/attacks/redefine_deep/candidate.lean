def base : Nat := 2
def twice : Nat := base + base
theorem t : twice = 4 := rfl
