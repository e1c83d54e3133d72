theorem wrong (h : False) : (0 : Nat) = 1 := h.elim
