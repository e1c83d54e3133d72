section
variable (n : Nat)
theorem t : n = 0 := by sorry
end
