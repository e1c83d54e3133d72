opaque same : (Type : Type 1) = Type := rfl
def Kind : Type := cast same Prop
inductive Box : Kind
  | mk (bit : Bool) : Box
theorem fine : (1 : Nat) = 1 := rfl
