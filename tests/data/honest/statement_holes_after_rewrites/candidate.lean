theorem s (a : Array Nat) (i : Nat) (h : i < a.size) (x : Nat) : (a.push x)[i]'(by rw [Array.size_push]; omega) = a[i] := by exact Array.getElem_push_lt h
theorem s2 (xs ys : List Nat) (h : xs.length = ys.length) (i : Nat) (k : i < xs.length) : ys[i]'(by rw [← h]; exact k) = ys[i]'(h ▸ k) := by rfl
theorem s3 (f : Nat → Nat) (n : Nat) : (⟨f n % 3, by have := Nat.mod_lt (f n) (show 3 > 0 by decide); exact this⟩ : Fin 3) = Fin.ofNat 3 (f n) := by rfl
