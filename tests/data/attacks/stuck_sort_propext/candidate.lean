theorem swapped {p q : Prop} (h : p ↔ q) : p = q := propext h
def Kind (p q : Prop) (h : p ↔ q) : Type := Eq.rec (motive := fun _ _ => Type) Prop (swapped h)
inductive Box : Kind True True Iff.rfl
  | mk (bit : Bool) : Box
theorem fine : (1 : Nat) = 1 := rfl
