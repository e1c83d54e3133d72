inductive Term
  | var (n : Nat)
  | app (f a : Term)
with
  @[computed_field] size : Term → Nat
    | .var _ => 1
    | .app f a => f.size + a.size + 1
theorem two : (1 : Nat) + 1 = 2 := rfl
