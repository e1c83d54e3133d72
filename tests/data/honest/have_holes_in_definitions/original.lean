def f (xs : Array Nat) (h : 0 < xs.size) : Nat :=
  have h' : xs.size - 1 < xs.size := by sorry
  let y := xs[xs.size - 1]
  y + xs[0]
def g (n : Nat) : Nat := Id.run do
  let mut s := 0
  for h : i in [0:n] do
    have : i < n := by sorry
    s := s + (⟨i, this⟩ : Fin n).1
  return s
