/- /- nested -/ "unbalanced string -/
theorem «weird name.with dots» (α β γ : Nat) : α + (β + γ) = α + β + γ := by
  -- λ→∀∃ 🎉 “quotes”
  omega
