theorem «ünïcödé Σ∀λ» (α β γ : Nat) (h₁ : α < β) (hₙ : β < γ) : α < γ := by
  -- ελληνικά, кириллица, 漢字, 🎉
  have ℎ : α < γ := Nat.lt_trans h₁ hₙ
  exact ℎ
