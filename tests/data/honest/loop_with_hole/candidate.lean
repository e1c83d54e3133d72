def total (xs : Array Nat) : Nat := Id.run do
  let mut s := 0
  for h : i in [0:xs.size] do
    s := s + xs[i]'(by exact h.2.1)
  return s
theorem te : total #[] = total #[] := by rfl
def firstNeg (xs : List Int) : Option Int := do
  for x in xs do
    if x < 0 then return x
  none
theorem fn : firstNeg [1, -2] = some (-2) := by rfl
