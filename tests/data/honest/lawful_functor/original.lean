inductive Tr (α : Type u) where
  | leaf : Tr α
  | node : Tr α → α → Tr α → Tr α
def Tr.map (f : α → β) : Tr α → Tr β
  | leaf => leaf
  | node l a r => node (l.map f) (f a) (r.map f)
instance : Functor Tr where map := Tr.map
instance : LawfulFunctor Tr where
  map_const := by sorry
  id_map := by sorry
  comp_map := by sorry
