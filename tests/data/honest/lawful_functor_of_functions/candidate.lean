structure Cps (α : Type) where
  run : {ρ : Type} → (α → ρ) → ρ
instance : Functor Cps := ⟨fun f c => ⟨fun k => c.run (k ∘ f)⟩, fun a c => ⟨fun k => c.run (fun _ => k a)⟩⟩
instance : LawfulFunctor Cps where
  map_const := by intros; rfl
  id_map := by intros; rfl
  comp_map := by intros; rfl
