axiom P : Prop
axiom p : P ∧ False
theorem q : P ∧ P := ⟨p.1, p.1⟩
