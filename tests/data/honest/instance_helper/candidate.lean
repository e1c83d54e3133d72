instance witness : Nonempty Nat := ⟨0⟩
theorem nonempty_nat : Nonempty Nat := inferInstance
