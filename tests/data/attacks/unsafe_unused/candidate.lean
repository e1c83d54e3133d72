unsafe def lurking (n : Nat) : Nat := lurking n
theorem fine : 1 = 1 := rfl
