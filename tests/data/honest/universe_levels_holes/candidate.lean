universe u v w
structure Iso (α : Sort u) (β : Sort v) where
  to : α → β
  inv : β → α
  l : ∀ a, inv (to a) = a
  r : ∀ b, to (inv b) = b
def Iso.refl (α : Sort u) : Iso α α := ⟨id, id, by intro a; rfl, by intro a; rfl⟩
def Iso.trans {α : Sort u} {β : Sort v} {γ : Sort w} (f : Iso α β) (g : Iso β γ) : Iso α γ where
  to := g.to ∘ f.to
  inv := f.inv ∘ g.inv
  l := by intro a; simp [Function.comp, g.l, f.l]
  r := by intro a; simp [Function.comp, g.r, f.r]
theorem tr (f : Iso α β) : (Iso.refl α).trans f = f := by cases f; rfl
