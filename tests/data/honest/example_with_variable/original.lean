section
variable (n : Nat)
example : n ≤ n + 1 := by sorry
end
