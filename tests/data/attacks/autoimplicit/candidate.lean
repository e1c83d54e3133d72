set_option autoImplicit true
theorem t (f : Nat → Nat) (h : f 0 = q) : f 0 = q := h
