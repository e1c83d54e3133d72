def f (xs : Array Nat) (h : 0 < xs.size) : Nat :=
  have h' : xs.size - 1 < xs.size := by omega
  let y := xs[xs.size - 1]
  y + xs[0]
def g (n : Nat) : Nat := Id.run do
  let mut s := 0
  for h : i in [0:n] do
    have : i < n := by exact (Membership.get_elem_helper h rfl)
    s := s + (⟨i, this⟩ : Fin n).1
  return s
