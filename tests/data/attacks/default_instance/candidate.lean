class HasZero (α : Type) where
  zero : α
instance : HasZero Nat := ⟨1⟩
instance second : HasZero Nat := ⟨0⟩
theorem t : (HasZero.zero : Nat) = 0 := rfl
