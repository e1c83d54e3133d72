class Group' (G : Type u) extends Mul G, One G, Inv G where
  mul_assoc : ∀ a b c : G, a * b * c = a * (b * c)
  one_mul : ∀ a : G, 1 * a = a
  inv_mul : ∀ a : G, a⁻¹ * a = 1
variable {G : Type u} [Group' G]
theorem mul_inv (a : G) : a * a⁻¹ = 1 := by rw [← Group'.one_mul (a * a⁻¹), ← Group'.inv_mul a⁻¹, Group'.mul_assoc, ← Group'.mul_assoc a⁻¹ a, Group'.inv_mul, Group'.one_mul]
theorem mul_one (a : G) : a * 1 = a := by rw [← Group'.inv_mul a, ← Group'.mul_assoc, mul_inv, Group'.one_mul]
inductive Two | e | s
instance : Group' Two where
  mul | .e, x => x | x, .e => x | .s, .s => .e
  one := .e
  inv := id
  mul_assoc := by intro a b c; cases a <;> cases b <;> cases c <;> rfl
  one_mul := by intro a; rfl
  inv_mul := by intro a; cases a <;> rfl
def trivialGroup : Group' Unit := { mul := fun _ _ => (), one := (), inv := fun _ => (), mul_assoc := by intros; rfl, one_mul := by intros; rfl, inv_mul := by intros; rfl }
