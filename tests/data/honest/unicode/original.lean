theorem «ünïcödé Σ∀λ» (α β γ : Nat) (h₁ : α < β) (hₙ : β < γ) : α < γ := by sorry
