structure S (n : Nat) where
  x : Fin n
  y : Fin (n + 1) := ⟨x.1, by sorry⟩
def s : S 3 := { x := 1 }
theorem sy : s.y = 1 := by sorry
