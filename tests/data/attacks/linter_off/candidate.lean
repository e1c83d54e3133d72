set_option linter.all false
set_option warn.sorry false in
theorem wrong : (0 : Nat) = 1 := sorry
