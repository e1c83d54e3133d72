inductive Sorted : Array Nat → Prop
  | mk (a : Array Nat) (h : ∀ i (hi : i + 1 < a.size), a[i]'(by omega) ≤ a[i + 1]'(by omega)) : Sorted a
theorem sorted_empty : Sorted #[] := by exact .mk _ (fun i hi => by simp at hi)
structure Sorted2 (a : Array Nat) : Prop where
  le : ∀ i (hi : i + 1 < a.size), a[i]'(by omega) ≤ a[i + 1]
theorem s2 : Sorted2 #[1] := by exact ⟨fun i hi => by simp at hi⟩
