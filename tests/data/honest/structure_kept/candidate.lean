structure Point where
  x : Nat
  y : Nat
  deriving DecidableEq, Repr

theorem Point.eta (p : Point) : Point.mk p.x p.y = p := rfl
