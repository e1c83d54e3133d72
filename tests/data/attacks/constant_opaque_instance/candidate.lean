instance : Nonempty (PLift False) := ⟨⟨by sorry⟩⟩
noncomputable opaque magic : PLift False
theorem wrong : (0 : Nat) = 1 := magic.down.elim
