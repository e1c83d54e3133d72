section
variable (m : Nat) (unused : m = m)
theorem t (n : Nat) : n ≤ n + 1 := by omega
end
