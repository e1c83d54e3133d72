theorem h : 10 < 20 := by native_decide
theorem big : 10 < 20 := h
