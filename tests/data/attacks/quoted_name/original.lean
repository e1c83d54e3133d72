namespace A
theorem t : 1 = 2 := by sorry
end A
