class Inconsistent : Prop where
  out : False
@[instance] axiom inst : Inconsistent
theorem wrong : (0 : Nat) = 1 := (Inconsistent.out).elim
