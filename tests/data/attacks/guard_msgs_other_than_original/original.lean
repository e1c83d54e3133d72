/-- error: Unknown identifier `a` -/
#guard_msgs in
#check a
theorem fine : (1 : Nat) = 1 := by sorry
