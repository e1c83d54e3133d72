theorem pre_helper (n : Nat) (h : n < 3) : n < 5 := by omega
def pre_def (o : Option Nat) : Fin 9 := match o with | some n => ⟨n % 9, by omega⟩ | none => ⟨0, by omega⟩
@[simp] theorem pre_simp (n : Nat) : (pre_def (some n)).1 = n % 9 := rfl
def log2' (n : Nat) : Nat := if h : n ≤ 1 then 0 else 1 + log2' (n / 2)
termination_by n
decreasing_by omega
theorem log2'_one : log2' 1 = 0 := by unfold log2'; simp
theorem log2'_le (n : Nat) : log2' n ≤ n := by fun_induction log2' n <;> omega
