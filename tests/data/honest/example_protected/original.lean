namespace A
protected example : Nat.succ 1 = 2 := by sorry
end A
