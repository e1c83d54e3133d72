import Std
theorem t (a b : Nat) : a + b = b + a := by omega
