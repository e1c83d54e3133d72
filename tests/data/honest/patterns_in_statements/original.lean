theorem t : (fun (p : Nat × Nat) => let (a, b) := p; a + b) (1, 2) = 3 := by sorry
theorem t2 : ∀ x : Nat × Nat, (match x with | (a, b) => a + b) = x.1 + x.2 := by sorry
theorem t3 : ([1,2].map fun | 0 => 1 | n+1 => n) = [0, 1] := by sorry
theorem t4 : (do let x ← some 3; pure (x + 1)) = some 4 := by sorry
theorem t5 : ((fun ⟨a, b⟩ => a * b : Nat × Nat → Nat) (2, 3)) = 6 := by sorry
theorem t6 : (∃ x, ∃ y, x + y = 3 ∧ x < y) := by sorry
