theorem pre_helper (n : Nat) (h : n < 3) : n < 5 := by omega
def pre_def (o : Option Nat) : Fin 9 := match o with | some n => ⟨n % 9, by omega⟩ | none => ⟨0, by omega⟩
@[simp] theorem pre_simp (n : Nat) : (pre_def (some n)).1 = n % 9 := rfl
def g : (n : Nat) → (h : n > 0) → Fin n := fun n h => ⟨0, by omega⟩
def k (n : Nat) : Nat := (fun (h : n < n + 1) => (⟨n, h⟩ : Fin (n + 1)).1) (by omega)
def k2 (n : Nat) : Nat := have : n < n + 1 := (by omega); (⟨n, this⟩ : Fin (n + 1)).1
def k3 (n : Nat) : Nat := let m := n + 1; have h : n < m := (by omega); (⟨n, h⟩ : Fin m).1
def k4 (n : Nat) : Nat := show Nat from (⟨n, by omega⟩ : Fin (n + 1)).1
def k5 (xs : List Nat) : List Nat := xs.attach.map (fun ⟨x, hx⟩ => (⟨x, by exact hx⟩ : {y // y ∈ xs}).1)
