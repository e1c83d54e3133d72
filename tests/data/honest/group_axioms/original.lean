class Group' (G : Type u) extends Mul G, One G, Inv G where
  mul_assoc : ∀ a b c : G, a * b * c = a * (b * c)
  one_mul : ∀ a : G, 1 * a = a
  inv_mul : ∀ a : G, a⁻¹ * a = 1
variable {G : Type u} [Group' G]
theorem mul_inv (a : G) : a * a⁻¹ = 1 := by sorry
theorem mul_one (a : G) : a * 1 = a := by sorry
inductive Two | e | s
instance : Group' Two where
  mul | .e, x => x | x, .e => x | .s, .s => .e
  one := .e
  inv := id
  mul_assoc := by sorry
  one_mul := by sorry
  inv_mul := by sorry
def trivialGroup : Group' Unit := { mul := fun _ _ => (), one := (), inv := fun _ => (), mul_assoc := by sorry, one_mul := by sorry, inv_mul := by sorry }
