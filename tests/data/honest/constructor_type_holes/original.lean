inductive Sorted : Array Nat → Prop
  | mk (a : Array Nat) (h : ∀ i (hi : i + 1 < a.size), a[i]'(by sorry) ≤ a[i + 1]'(by sorry)) : Sorted a
theorem sorted_empty : Sorted #[] := by sorry
structure Sorted2 (a : Array Nat) : Prop where
  le : ∀ i (hi : i + 1 < a.size), a[i]'(by sorry) ≤ a[i + 1]
theorem s2 : Sorted2 #[1] := by sorry
