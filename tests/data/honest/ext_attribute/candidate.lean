@[ext] structure Pt3 where
  x : Nat
  y : Nat
  z : Nat
theorem pt (a b : Pt3) (h : a.x = b.x) (k : a.y = b.y) (l : a.z = b.z) : a = b := by ext <;> assumption
