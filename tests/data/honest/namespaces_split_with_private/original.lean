namespace A.B
private theorem secret (n : Nat) : n ≤ n := by sorry
theorem pub (n : Nat) : n ≤ n + 1 := by sorry
end A.B
