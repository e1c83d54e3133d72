theorem exch : ∃ m : Nat, ∀ n : Nat, n ≤ m := by sorry
