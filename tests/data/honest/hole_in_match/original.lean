def pred (n : Nat) (h : n ≠ 0) : Nat := match n, h with
  | 0, h => absurd (rfl : 0 = 0) (by sorry)
  | k+1, _ => k
def fin (o : Option Nat) (h : o.isSome) : Nat := match o with
  | some x => x
  | none => (by sorry : False).elim
