theorem bv (x y : BitVec 8) : x &&& y = y &&& x := by exact BitVec.and_comm x y
theorem bv2 (x : BitVec 4) : x ^^^ x = 0 := by simp
