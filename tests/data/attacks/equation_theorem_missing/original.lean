def f : Nat → Nat | 0 => 0 | n + 1 => f n
theorem f.congr : f 0 = 1 := by sorry
theorem f.splitter : 0 = 1 := by sorry
