/-! Sets as predicates, inductive predicates, a relation's closure. -/
def MySet (α : Type) := α → Prop
namespace MySet
variable {α : Type}
def mem (a : α) (s : MySet α) : Prop := s a
def sub (s t : MySet α) : Prop := ∀ a, mem a s → mem a t
def inter (s t : MySet α) : MySet α := fun a => mem a s ∧ mem a t
def union (s t : MySet α) : MySet α := fun a => mem a s ∨ mem a t
theorem inter_sub_left (s t : MySet α) : sub (inter s t) s := by
  exact fun a h => h.1
theorem union_comm (s t : MySet α) : union s t = union t s := by
  funext a; exact propext Or.comm
theorem inter_union (s t u : MySet α) : inter s (union t u) = union (inter s t) (inter s u) := by
  funext a; exact propext ⟨fun ⟨h, k⟩ => k.elim (fun x => .inl ⟨h, x⟩) (fun x => .inr ⟨h, x⟩), fun k => k.elim (fun x => ⟨x.1, .inl x.2⟩) (fun x => ⟨x.1, .inr x.2⟩)⟩
theorem sub_antisymm (s t : MySet α) (h : sub s t) (k : sub t s) : s = t := by
  funext a; exact propext ⟨h a, k a⟩
end MySet

inductive Even : Nat → Prop where
  | zero : Even 0
  | step (n : Nat) : Even n → Even (n + 2)
theorem even_double (n : Nat) : Even (n + n) := by
  induction n with
  | zero => exact .zero
  | succ n ih => exact (show n + 1 + (n + 1) = n + n + 2 by omega) ▸ Even.step _ ih
theorem even_add (m n : Nat) (h : Even m) (k : Even n) : Even (m + n) := by
  induction h with
  | zero => rwa [Nat.zero_add]
  | step m _ ih => exact (show m + 2 + n = m + n + 2 by omega) ▸ Even.step _ ih
theorem not_even_one : ¬ Even 1 := by
  intro h; cases h
theorem even_iff (n : Nat) : Even n ↔ n % 2 = 0 := by
  constructor
  · intro h; induction h <;> omega
  · intro h
    obtain ⟨k, rfl⟩ : ∃ k, n = k + k := ⟨n / 2, by omega⟩
    exact even_double k

inductive Star {α : Type} (r : α → α → Prop) : α → α → Prop where
  | refl (a : α) : Star r a a
  | head (a b c : α) : r a b → Star r b c → Star r a c
theorem star_trans {α : Type} (r : α → α → Prop) (a b c : α) (h : Star r a b) (k : Star r b c) : Star r a c := by
  induction h with
  | refl => exact k
  | head a b c h _ ih => exact .head _ _ _ h (ih k)
theorem star_single {α : Type} (r : α → α → Prop) (a b : α) (h : r a b) : Star r a b := by
  exact .head _ _ _ h (.refl _)
