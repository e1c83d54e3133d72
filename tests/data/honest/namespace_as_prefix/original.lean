namespace A
theorem t : 1 = 1 := by sorry
end A
