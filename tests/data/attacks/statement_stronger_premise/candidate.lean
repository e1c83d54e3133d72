theorem pos (n : Nat) (h : 0 < n) : 0 < n := h
