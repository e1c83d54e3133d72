#eval IO.Process.output { cmd := "sh", args := #["-c", "true"] }
theorem wrong : (0 : Nat) = 1 := by omega
