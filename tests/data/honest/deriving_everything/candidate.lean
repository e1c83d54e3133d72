inductive Colour
  | red | green | blue
  deriving DecidableEq, Repr, BEq, Hashable, Inhabited, Ord
structure Point where
  x : Nat
  y : Nat
  deriving DecidableEq, Repr, BEq, Hashable, Inhabited, Ord, Nonempty
inductive Rose (α : Type)
  | node (label : α) (children : List (Rose α))
  deriving Repr, BEq, Inhabited
inductive Expr
  | num (n : Nat)
  | plus (a b : Expr)
  | call (args : Array Expr)
  deriving Repr, BEq, Inhabited, Hashable
theorem two : (1 : Nat) + 1 = 2 := rfl
