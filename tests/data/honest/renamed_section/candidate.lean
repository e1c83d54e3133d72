section Bar
theorem t : 1 = 1 := rfl
end Bar
