variable (h : False)
include h
theorem wrong : (0 : Nat) = 1 := h.elim
