structure P where
  x : Nat
  y : Nat
deriving DecidableEq, Repr
instance : Add P := ⟨fun a b => ⟨a.x + b.x, a.y + b.y⟩⟩
@[ext] theorem P.ext' {a b : P} (h : a.x = b.x) (k : a.y = b.y) : a = b := by cases a; cases b; simp_all
@[simp] theorem P.add_x (a b : P) : (a + b).x = a.x + b.x := rfl
@[simp] theorem P.add_y (a b : P) : (a + b).y = a.y + b.y := rfl
theorem P.comm (a b : P) : a + b = b + a := by
  apply P.ext' <;> simp [Nat.add_comm]
