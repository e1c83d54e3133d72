/-- error: Unknown identifier `a` -/
#guard_msgs in
#check a
/-- error: Unknown identifier `b` -/
#guard_msgs in
#check b
theorem fine : (1 : Nat) = 1 := rfl
