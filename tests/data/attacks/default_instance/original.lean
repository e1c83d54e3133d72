class HasZero (α : Type) where
  zero : α
instance : HasZero Nat := ⟨1⟩
theorem t : (HasZero.zero : Nat) = 0 := by sorry
