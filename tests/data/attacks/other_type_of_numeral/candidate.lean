attribute [default_instance] Int.instNegInt
theorem t : ∀ x : Int, x - 1 + 1 = x := by omega
