structure Pt where
  x : Nat
  y : Nat
  deriving DecidableEq, Repr, BEq, Hashable, Inhabited, Ord
inductive Color | red | green | blue
  deriving DecidableEq, Repr, Inhabited
theorem p (a b : Pt) (h : a.x = b.x) (k : a.y = b.y) : a = b := by sorry
theorem c (a : Color) : a = .red ∨ a ≠ .red := by sorry
