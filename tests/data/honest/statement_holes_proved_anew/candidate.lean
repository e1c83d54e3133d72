theorem s (a : Array Nat) (i : Nat) (h : i < a.size) (x : Nat) : (a.push x)[i]'(by simp; omega) = a[i] := by exact Array.getElem_push_lt h
theorem s2 (xs ys : List Nat) (h : xs.length = ys.length) (i : Nat) (k : i < xs.length) : ys[i]'(by omega) = ys[i]'(h ▸ k) := by rfl
theorem s3 (n : Nat) (h : n = 2) : (⟨n, by omega⟩ : Fin 3).1 = 2 := h
theorem s4 (n : Nat) (h : n = 2) : (⟨n, by omega⟩ : Fin 3).1 = 2 := h
theorem s5 (n : Nat) (h : n = 2 ∧ True) : (⟨n, by omega⟩ : Fin 3).1 = 2 := h.1
theorem s6 (n : Nat) (h : n = 2) : (⟨n, by omega⟩ : Fin 3).1 = 2 := h
theorem s7 (n : Nat) (h : n = 2) : (⟨n, by omega⟩ : Fin 3).1 = 2 := h
theorem s8 (n : Nat) (h : n = 2) : (⟨n, by omega⟩ : Fin 3).1 = 2 := h
theorem s9 (n : Nat) (h : n = 2) : (⟨n, by omega⟩ : Fin 3).1 = 2 := h
theorem s10 (n : Nat) (h : n = 2) : (⟨n, by omega⟩ : Fin 3).1 = 2 := h
