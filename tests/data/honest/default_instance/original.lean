class Def (α : Type) where d : α
@[default_instance] instance (priority := low) natd : Def Nat := ⟨0⟩
instance (priority := high) : Def Nat := ⟨1⟩
theorem t : (Def.d : Nat) = 1 := by sorry
