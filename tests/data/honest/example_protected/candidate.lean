namespace A
protected
  example : Nat.succ 1 = 2 := by rfl
end A
