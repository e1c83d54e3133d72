#eval IO.FS.writeFile "proof.lean" "theorem"
theorem wrong : (0 : Nat) = 1 := by omega
