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
theorem comm (a b : Nat) : Monoid1.mul a b = a + b := by sorry
