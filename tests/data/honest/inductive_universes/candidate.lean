universe u v w
structure Couple (α : Type u) (β : Type v) : Type (max u v) where
  left : α
  right : β
structure Wide (α : Sort u) (β : Sort v) : Sort (max 1 u v) where
  left : α
  right : β
set_option bootstrap.inductiveCheckResultingUniverse false in
inductive Unity : Sort u
  | star : Unity
set_option bootstrap.inductiveCheckResultingUniverse false in
inductive Never : Sort u
structure Lifted (α : Type u) : Type (max u v) where
  up ::
  down : α
inductive Some' (α : Sort u) (p : α → Prop) : Sort (max 1 u)
  | mk (a : α) (h : p a) : Some' α p
abbrev Family (ι : Type u) := ι → Type u
inductive Fam (α : Type u) : Family Nat
  | nil : Fam α 0
structure Both (p q : Prop) : Prop where
  left : p
  right : q
class Pointed (α : Type u) : Type u where
  point : α
theorem swap {p q : Prop} (h : Both p q) : Both q p := ⟨h.right, h.left⟩
