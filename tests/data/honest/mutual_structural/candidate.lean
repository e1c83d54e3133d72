mutual
inductive Tr | node : Nat → Fo → Tr
inductive Fo | nil | cons : Tr → Fo → Fo
end
mutual
def Tr.size : Tr → Nat | .node _ f => f.size + 1
def Fo.size : Fo → Nat | .nil => 0 | .cons t f => t.size + f.size
end
mutual
theorem Tr.pos : ∀ t : Tr, 0 < t.size
  | .node _ f => by simp [Tr.size]
theorem Fo.nn : ∀ f : Fo, 0 ≤ f.size
  | .nil => by simp
  | .cons _ _ => by simp
end
