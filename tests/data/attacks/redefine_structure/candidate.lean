structure Pt where
  x : Nat
theorem ext_x (p q : Pt) (h : p.x = q.x) : p = q := by cases p; cases q; simp_all
