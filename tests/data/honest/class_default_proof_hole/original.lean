class C (α : Type) where
  f : α → α
  g : α → α := f
  fg : ∀ a, f a = f a := by sorry
instance : C Nat where
  f := id
  fg := by sorry
