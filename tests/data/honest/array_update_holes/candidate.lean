theorem pre_helper (n : Nat) (h : n < 3) : n < 5 := by omega
def pre_def (o : Option Nat) : Fin 9 := match o with | some n => ⟨n % 9, by omega⟩ | none => ⟨0, by omega⟩
@[simp] theorem pre_simp (n : Nat) : (pre_def (some n)).1 = n % 9 := rfl
def swap01 (a : Array Nat) (h : 1 < a.size) : Array Nat := a.swap 0 1 (by omega) (by omega)
theorem swap_size (a : Array Nat) (h : 1 < a.size) : (swap01 a h).size = a.size := by simp [swap01]
def bump (a : Array Nat) (i : Fin a.size) : Array Nat := a.set i (a[i] + 1) (by exact i.2)
def two (a : Vector Nat 4) : Nat := a[0]'(by decide) + a.get ⟨3, by decide⟩
