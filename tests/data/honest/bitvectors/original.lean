theorem bv (x y : BitVec 8) : x &&& y = y &&& x := by sorry
theorem bv2 (x : BitVec 4) : x ^^^ x = 0 := by sorry
