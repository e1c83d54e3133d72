namespace Z
protected theorem t : 1 = 1 := by sorry
end Z
