theorem or_swap (p q : Prop) : p ∨ q → q ∨ p := fun
  | .inl h => .inr h
  | .inr h => .inl h
