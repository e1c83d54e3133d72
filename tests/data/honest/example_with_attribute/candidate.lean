@[simp] example : Nat.succ 1 = 2 := by rfl
