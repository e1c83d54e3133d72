theorem t : 2 ^ 10 = 1025 := by decide +native
