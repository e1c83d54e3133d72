set_option maxHeartbeats 0 in
set_option maxRecDepth 10000000 in
theorem wrong : (0 : Nat) = 1 := by
  repeat (first | skip | rfl)
