def Same (p : Prop) : Prop := p
inductive Loop : Prop
  | mk (x : Same Loop) : Loop
theorem fine : (1 : Nat) = 1 := rfl
