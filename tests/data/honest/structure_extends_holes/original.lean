structure A where
  n : Nat
  pos : 0 < n
structure B extends A where
  m : Nat
  lt : n < m
def mk (k : Nat) : B := { n := k + 1, pos := by sorry, m := k + 2, lt := by sorry }
def upd (b : B) : B := { b with m := b.m + 1, lt := by sorry }
