namespace Nat.Internal.Lemmas
axiom aux : False
end Nat.Internal.Lemmas
theorem wrong : (0 : Nat) = 1 := Nat.Internal.Lemmas.aux.elim
