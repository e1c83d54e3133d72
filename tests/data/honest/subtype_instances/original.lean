structure Pos where
  n : Nat
  pos : 0 < n
instance : Mul Pos := ⟨fun a b => ⟨a.n * b.n, by sorry⟩⟩
instance : OfNat Pos (n + 1) := ⟨⟨n + 1, by sorry⟩⟩
instance : Inhabited Pos := ⟨⟨1, by sorry⟩⟩
instance : Coe Pos Nat := ⟨Pos.n⟩
theorem mul_one' (a : Pos) : a * 1 = a * 1 := by sorry
theorem ext' (a b : Pos) (h : (a : Nat) = b) : a = b := by sorry
theorem two_mul : (2 : Pos) * 3 = 6 := by sorry
