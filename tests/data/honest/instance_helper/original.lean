theorem nonempty_nat : Nonempty Nat := by sorry
