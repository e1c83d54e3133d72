class Mono (f : Nat → Nat) : Prop where
  mono : ∀ a b, a ≤ b → f a ≤ f b
instance : Mono (fun n => n + 1) := ⟨by sorry⟩
