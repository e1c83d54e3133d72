theorem le_all (m n : Nat) : m ≤ n := by
  have h : m ≤ n := by apply?
  exact h
