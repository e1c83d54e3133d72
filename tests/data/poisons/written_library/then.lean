import Std
theorem wrong : (0 : Nat) = 1 := oracle.elim
