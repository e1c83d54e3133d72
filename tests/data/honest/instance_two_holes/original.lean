class Monoid1 (M : Type) where
  mul : M → M → M
  one : M
  one_mul : ∀ a : M, mul one a = a
  mul_one : ∀ a : M, mul a one = a
instance : Monoid1 Nat where
  mul := (· + ·)
  one := 0
  one_mul := by sorry
  mul_one := by sorry
instance {α : Type} : Monoid1 (List α) where
  mul := List.append
  one := []
  one_mul := by sorry
  mul_one := by sorry
theorem unit_unit {M : Type} [Monoid1 M] : Monoid1.mul (Monoid1.one : M) Monoid1.one = Monoid1.one := by sorry
