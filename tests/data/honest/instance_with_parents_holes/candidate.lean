class Sg (α : Type) where
  op : α → α → α
  assoc : ∀ a b c, op (op a b) c = op a (op b c)
class Mn (α : Type) extends Sg α where
  e : α
  left : ∀ a, op e a = a
  right : ∀ a, op a e = a
class CMn (α : Type) extends Mn α where
  comm : ∀ a b, op a b = op b a
instance : CMn Nat where
  op := (· + ·)
  e := 0
  assoc := by intro a b c; show a + b + c = a + (b + c); omega
  left := by intro a; show 0 + a = a; omega
  right := by intro a; rfl
  comm := by intro a b; show a + b = b + a; omega
theorem t (a b : Nat) : Sg.op a b = Sg.op b a := CMn.comm a b
