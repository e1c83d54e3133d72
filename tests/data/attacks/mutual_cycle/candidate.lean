mutual
theorem a1 : 1 = 2 := b1
theorem b1 : 1 = 2 := a1
end
