theorem s (a : Array Nat) (i : Nat) (h : i < a.size) (x : Nat) : (a.push x)[i]'(by rw [Array.size_push]; sorry) = a[i] := by sorry
theorem s2 (xs ys : List Nat) (h : xs.length = ys.length) (i : Nat) (k : i < xs.length) : ys[i]'(by simp only [← h]; exact sorry) = ys[i]'(h ▸ k) := by sorry
theorem s3 (n : Nat) (h : n = 2) : (⟨n, by induction n with | zero => sorry | succ m ih => sorry⟩ : Fin 3).1 = 2 := by sorry
theorem s4 (n : Nat) (h : n = 2) : (⟨n, by match n, h with | _, rfl => sorry⟩ : Fin 3).1 = 2 := by sorry
theorem s5 (n : Nat) (h : n = 2 ∧ True) : (⟨n, by obtain ⟨h, -⟩ := h; sorry⟩ : Fin 3).1 = 2 := by sorry
theorem s6 (n : Nat) (h : n = 2) : (⟨n, by calc n = 2 := sorry
    _ < 3 := by sorry⟩ : Fin 3).1 = 2 := by sorry
theorem s7 (n : Nat) (h : n = 2) : (⟨n, by simp [h]⟩ : Fin 3).1 = 2 := by sorry
theorem s8 (n : Nat) (h : n = 2) : (⟨n, h ▸ sorry⟩ : Fin 3).1 = 2 := by sorry
theorem s9 (n : Nat) (h : n = 2) : (⟨n, if k : n = 2 then by sorry else absurd h k⟩ : Fin 3).1 = 2 := by sorry
theorem s10 (n : Nat) (h : n = 2) : (⟨n, by suffices n ≤ 2 from sorry; sorry⟩ : Fin 3).1 = 2 := by sorry
