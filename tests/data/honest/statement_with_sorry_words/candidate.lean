theorem str : "sorry".length = 5 := by decide
