#guard_msgs (drop error) in
theorem other : (0 : Nat) = 1 := nonsense
theorem fine : (1 : Nat) = 1 := rfl
