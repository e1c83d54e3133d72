class Monoid1 (M : Type) where
  mul : M → M → M
  one : M
  one_mul : ∀ a : M, mul one a = a
  mul_one : ∀ a : M, mul a one = a
instance : Monoid1 Nat where
  mul := (· * ·)
  one := 1
  one_mul := by intro a; exact Nat.one_mul a
  mul_one := by intro a; exact Nat.mul_one a
theorem comm (a b : Nat) : Monoid1.mul a b = a + b := by sorry
