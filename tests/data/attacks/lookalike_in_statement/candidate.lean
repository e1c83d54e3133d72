def f (n : Nat) : Nat := n + 1
def ƒ (n : Nat) : Nat := n - n
theorem grows (n : Nat) : ƒ n < n := by
  simp [f]
