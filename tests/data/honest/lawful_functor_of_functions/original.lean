structure Cps (α : Type) where
  run : {ρ : Type} → (α → ρ) → ρ
instance : Functor Cps := ⟨fun f c => ⟨fun k => c.run (k ∘ f)⟩, fun a c => ⟨fun k => c.run (fun _ => k a)⟩⟩
instance : LawfulFunctor Cps where
  map_const := by sorry
  id_map := by sorry
  comp_map := by sorry
