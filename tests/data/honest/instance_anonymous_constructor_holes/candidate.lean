class Monoid1 (M : Type) where
  mul : M → M → M
  one : M
  one_mul : ∀ a : M, mul one a = a
  mul_one : ∀ a : M, mul a one = a
instance : Monoid1 Nat := ⟨(· * ·), 1, by intro a; show 1 * a = a; omega, by intro a; show a * 1 = a; omega⟩
