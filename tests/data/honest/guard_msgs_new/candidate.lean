def three : Nat := 3
/-- info: 3 -/
#guard_msgs in
#eval three
#guard_msgs (drop warning) in
theorem lemma_one : (1 : Nat) ≤ 1 := Nat.le_refl 1
theorem fine : (1 : Nat) = 1 := rfl
