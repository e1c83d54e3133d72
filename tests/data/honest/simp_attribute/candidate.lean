def f (n : Nat) : Nat := n + 0
@[simp] theorem f_unfold (n : Nat) : f n = n := rfl
theorem f_id (n : Nat) : f n = n := by simp
