structure Hom (α β : Type) [Add α] [Add β] where
  f : α → β
  map_add : ∀ a b, f (a + b) = f a + f b
instance [Add α] [Add β] : CoeFun (Hom α β) (fun _ => α → β) := ⟨Hom.f⟩
def Hom.comp [Add α] [Add β] [Add γ] (g : Hom β γ) (h : Hom α β) : Hom α γ where
  f := g.f ∘ h.f
  map_add := by intro a b; simp [h.map_add, g.map_add]
def dblHom : Hom Nat Nat := ⟨fun n => 2 * n, by intro a b; exact Nat.mul_add 2 a b⟩
theorem comp_apply [Add α] [Add β] [Add γ] (g : Hom β γ) (h : Hom α β) (a : α) : g.comp h a = g (h a) := by rfl
@[ext] theorem Hom.ext [Add α] [Add β] {g h : Hom α β} (e : ∀ a, g a = h a) : g = h := by cases g; cases h; congr; funext a; exact e a
