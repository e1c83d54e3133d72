structure A where
  n : Nat
  pos : 0 < n
structure B extends A where
  m : Nat
  lt : n < m
def mk (k : Nat) : B := { n := k + 1, pos := by omega, m := k + 2, lt := by omega }
def upd (b : B) : B := { b with m := b.m + 1, lt := by have := b.lt; omega }
