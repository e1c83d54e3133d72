class Sg (α : Type) where
  op : α → α → α
  assoc : ∀ a b c, op (op a b) c = op a (op b c)
class Mn (α : Type) extends Sg α where
  e : α
  left : ∀ a, op e a = a
instance sgNat : Sg Nat where
  op := Nat.add
  assoc := by intro a b c; show a + b + c = a + (b + c); omega
instance : Mn Nat where
  toSg := sgNat
  e := 0
  left := by intro a; show 0 + a = a; omega
instance : Mn Nat := { sgNat with e := 0, left := by intro a; show 0 + a = a; omega }
