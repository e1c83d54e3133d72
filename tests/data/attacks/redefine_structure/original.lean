structure Pt where
  x : Nat
  y : Nat
theorem ext_x (p q : Pt) (h : p.x = q.x) : p = q := by sorry
