def f (n : Nat) : Nat := if h : n = 0 then 0 else f (n / 2)
termination_by n
decreasing_by sorry
theorem f0 : f 0 = 0 := by sorry
