def zero := 0
def pre (n : Nat) : Nat := match n with | 0 => 1 | k+1 => k
structure Pt where
  x : Nat
  y : Nat
  deriving DecidableEq, Repr, BEq, Hashable, Inhabited, Ord
inductive Color | red | green | blue
  deriving DecidableEq, Repr, Inhabited
theorem p (a b : Pt) (h : a.x = b.x) (k : a.y = b.y) : a = b := by cases a; cases b; simp_all
theorem c (a : Color) : a = .red ∨ a ≠ .red := by cases a <;> simp
