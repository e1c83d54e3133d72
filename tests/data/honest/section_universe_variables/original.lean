section
universe u v
variable {α : Type u} {β : Type v} [Inhabited β] (f : α → β) (g : β → α)
def Inv1 : Prop := ∀ x, g (f x) = x
theorem inj (h : Inv1 f g) {x y : α} (e : f x = f y) : x = y := by sorry
variable {f} in
theorem inj2 (h : Inv1 f g) : ∀ {x y : α}, f x = f y → x = y := by sorry
end
