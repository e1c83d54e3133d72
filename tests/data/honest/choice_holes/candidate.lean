noncomputable def big : Nat := Classical.choose (by exact ⟨101, by omega⟩ : ∃ n : Nat, n > 100)
theorem big_gt : big > 100 := by exact Classical.choose_spec (p := fun n : Nat => n > 100) _
theorem ch : (Classical.choose (by exact ⟨8, by omega⟩ : ∃ n : Nat, n > 7)) > 7 := Classical.choose_spec (by exact ⟨8, by omega⟩ : ∃ n : Nat, n > 7)
