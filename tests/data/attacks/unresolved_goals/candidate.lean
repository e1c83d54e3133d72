theorem two_goals (p q : Prop) (hp : p) : p ∧ q := by
  refine ⟨hp, ?_⟩
