theorem t : ((⟨7, by omega, rfl⟩ : ∃ n : Nat, n < 9 ∧ n = 7)).choose = 7 := (⟨7, by omega, rfl⟩ : ∃ n : Nat, n < 9 ∧ n = 7).choose_spec.2
