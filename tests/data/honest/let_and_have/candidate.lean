theorem lets (n : Nat) : n < n + 10 := by
  let k := n + 5
  have hk : n < k := by simp only [k]; omega
  have : k < n + 10 := by simp only [k]; omega
  exact Nat.lt_trans hk this
