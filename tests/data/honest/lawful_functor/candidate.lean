inductive Tr (α : Type u) where
  | leaf : Tr α
  | node : Tr α → α → Tr α → Tr α
def Tr.map (f : α → β) : Tr α → Tr β
  | leaf => leaf
  | node l a r => node (l.map f) (f a) (r.map f)
instance : Functor Tr where map := Tr.map
instance : LawfulFunctor Tr where
  map_const := by intros; rfl
  id_map := by intro α x; show Tr.map id x = x; induction x <;> simp_all [Tr.map]
  comp_map := by intro α β γ g h x; show Tr.map (h ∘ g) x = Tr.map h (Tr.map g x); induction x <;> simp_all [Tr.map]
