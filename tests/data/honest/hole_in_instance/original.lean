class Monoid' (M : Type) where
  one : M
  mul : M → M → M
  one_mul : ∀ a, mul one a = a
instance : Monoid' Nat where
  one := 0
  mul := (· + ·)
  one_mul := by sorry
