def base : Nat := 1
def twice : Nat := base + base
theorem t : twice = 4 := by sorry
