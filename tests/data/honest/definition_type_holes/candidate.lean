theorem pre_helper (n : Nat) (h : n < 3) : n < 5 := by omega
def pre_def (o : Option Nat) : Fin 9 := match o with | some n => ⟨n % 9, by omega⟩ | none => ⟨0, by omega⟩
@[simp] theorem pre_simp (n : Nat) : (pre_def (some n)).1 = n % 9 := rfl
def First (xs : List Nat) (h : xs ≠ []) : Type := Fin (xs[0]'(by exact List.length_pos_iff.mpr h) + 1)
def zero (xs : List Nat) (h : xs ≠ []) : First xs h := ⟨0, by omega⟩
abbrev T (n : Nat) (h : n < 3) := { m : Fin 3 // m = ⟨n, by omega⟩ }
def tt (n : Nat) (h : n < 3) : T n h := ⟨⟨n, h⟩, by rfl⟩
