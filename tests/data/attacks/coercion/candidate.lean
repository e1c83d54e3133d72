instance : Coe Bool Prop := ⟨fun _ => True⟩
theorem c (b : Bool) : (b : Prop) := trivial
