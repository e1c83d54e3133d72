section
set_option linter.all false
axiom h : False
theorem wrong : (0 : Nat) = 1 := h.elim
end
