class Absurd : Prop where
  out : False
instance : Absurd := sorry
theorem use [h : Absurd] : False := h.out
theorem wrong : (0 : Nat) = 1 := (use).elim
