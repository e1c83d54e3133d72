theorem a : ∀ n : Nat, (fun i : Fin n => (⟨i.1, by sorry⟩ : Fin (n+1))) = Fin.castSucc := by sorry
