/-! Proof holes inside a statement. -/
theorem last_pushed (a : Array Nat) (x : Nat) : (a.push x)[a.size]'(by simp) = x := by
  simp
theorem head_of_append (xs ys : List Nat) (h : 0 < xs.length) : (xs ++ ys)[0]'(by rw [List.length_append]; omega) = xs[0] := by
  simp [List.getElem_append_left, h]
