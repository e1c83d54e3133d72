def g : (n : Nat) → (h : n > 0) → Fin n := fun n h => ⟨0, by sorry⟩
def k (n : Nat) : Nat := (fun (h : n < n + 1) => (⟨n, h⟩ : Fin (n + 1)).1) (by sorry)
def k2 (n : Nat) : Nat := have : n < n + 1 := sorry; (⟨n, this⟩ : Fin (n + 1)).1
def k3 (n : Nat) : Nat := let m := n + 1; have h : n < m := sorry; (⟨n, h⟩ : Fin m).1
def k4 (n : Nat) : Nat := show Nat from (⟨n, by sorry⟩ : Fin (n + 1)).1
def k5 (xs : List Nat) : List Nat := xs.attach.map (fun ⟨x, hx⟩ => (⟨x, by sorry⟩ : {y // y ∈ xs}).1)
