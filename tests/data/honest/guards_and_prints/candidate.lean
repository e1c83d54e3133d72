def sq (n : Nat) := n * n
#guard sq 3 = 9
/-- info: 9 -/
#guard_msgs in
#eval sq 3
theorem s : sq 3 = 9 := by rfl
#synth Inhabited Nat
#reduce sq 2
#print sq
