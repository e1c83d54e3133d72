theorem pre_helper (n : Nat) (h : n < 3) : n < 5 := by omega
def pre_def (o : Option Nat) : Fin 9 := match o with | some n => ⟨n % 9, by omega⟩ | none => ⟨0, by omega⟩
@[simp] theorem pre_simp (n : Nat) : (pre_def (some n)).1 = n % 9 := rfl
def at' (xs : List Nat) (i : Nat) : Nat := if h : i < xs.length then xs[i]'(by exact h) else if k : xs = [] then 0 else xs[xs.length - 1]'(by have := List.length_pos_iff.mpr k; omega)
theorem at0 : at' [4] 0 = 4 := by rfl
