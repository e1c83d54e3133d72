abbrev Pred (α : Type) := α → Prop
inductive Small : Pred Nat
  | zero : Small 0
  | one : Small 1
theorem small_le (n : Nat) (h : Small n) : n ≤ 1 := by sorry
