namespace A.B
theorem t : 1 = 1 := by sorry
end A.B
