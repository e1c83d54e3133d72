theorem a : ∀ n : Nat, (fun i : Fin n => (⟨i.1, by omega⟩ : Fin (n+1))) = Fin.castSucc := by intro n; rfl
