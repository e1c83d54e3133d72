def First (xs : List Nat) (h : xs ≠ []) : Type := Fin (xs[0]'(by sorry) + 1)
def zero (xs : List Nat) (h : xs ≠ []) : First xs h := ⟨0, by sorry⟩
abbrev T (n : Nat) (h : n < 3) := { m : Fin 3 // m = ⟨n, by sorry⟩ }
def tt (n : Nat) (h : n < 3) : T n h := ⟨⟨n, h⟩, by sorry⟩
