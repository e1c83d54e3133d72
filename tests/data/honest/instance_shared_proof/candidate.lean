class Monoid1 (M : Type) where
  mul : M → M → M
  one : M
  one_mul : ∀ a : M, mul one a = a
  mul_one : ∀ a : M, mul a one = a
instance : Monoid1 Int where
  mul := (· + ·)
  one := 0
  one_mul := by intro a; show 0 + a = a; omega
  mul_one := by intro a; show a + 0 = a; omega
