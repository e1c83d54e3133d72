/-- error: Unknown identifier `nonsense` -/
#guard_msgs in
theorem other : (0 : Nat) = 1 := nonsense
theorem fine : (1 : Nat) = 1 := rfl
