noncomputable def big : Nat := Classical.choose (by sorry : ∃ n : Nat, n > 100)
theorem big_gt : big > 100 := by sorry
theorem ch : (Classical.choose (by sorry : ∃ n : Nat, n > 7)) > 7 := Classical.choose_spec (by sorry : ∃ n : Nat, n > 7)
