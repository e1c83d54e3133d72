structure P where
  x : Nat
  y : Nat
deriving DecidableEq, Repr
instance : Add P := ⟨fun a b => ⟨a.x + b.x, a.y + b.y⟩⟩
theorem P.comm (a b : P) : a + b = b + a := by sorry
