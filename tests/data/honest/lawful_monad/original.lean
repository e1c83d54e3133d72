structure St (σ α : Type) where
  run : σ → α × σ
instance : Monad (St σ) where
  pure a := ⟨fun s => (a, s)⟩
  bind m f := ⟨fun s => let (a, t) := m.run s; (f a).run t⟩
instance : LawfulMonad (St σ) := LawfulMonad.mk' _
  (id_map := by sorry)
  (pure_bind := by sorry)
  (bind_assoc := by sorry)
