def IsSq (n : Nat) : Prop := ∃ k, k ≤ n ∧ k * k = n
instance (n : Nat) : Decidable (IsSq n) := decidable_of_iff ((List.range (n+1)).any (fun k => k * k == n) = true) (by sorry)
theorem nine : IsSq 9 := by sorry
theorem ten : ¬ IsSq 10 := by sorry
