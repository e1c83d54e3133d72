set_option maxHeartbeats 400000 in
set_option maxRecDepth 2000 in
theorem add_swap (a b c : Nat) : a + b + c = c + b + a := by omega
