class Mono (f : Nat → Nat) : Prop where
  mono : ∀ a b, a ≤ b → f a ≤ f b
instance : Mono (fun n => n + 1) := ⟨by intro a b h; show a + 1 ≤ b + 1; omega⟩
