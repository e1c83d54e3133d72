class Ix (α : Type) where
  len : α → Nat
  get : (a : α) → Fin (len a) → Nat
  first : ∀ (a : α) (h : 0 < len a), get a ⟨0, by sorry⟩ = get a ⟨0, h⟩
instance : Ix (List Nat) where
  len := List.length
  get := List.get
  first := by sorry
theorem ixf (a : List Nat) (h : 0 < Ix.len a) : Ix.get a ⟨0, by sorry⟩ = Ix.get a ⟨0, h⟩ := by sorry
