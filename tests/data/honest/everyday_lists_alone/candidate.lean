/-! The same without helpers above them: lemmas must be found. -/
def app {α : Type} : List α → List α → List α
  | [], ys => ys
  | x :: xs, ys => x :: app xs ys
def rev {α : Type} : List α → List α
  | [] => []
  | x :: xs => app (rev xs) [x]
def revOnto {α : Type} (acc : List α) : List α → List α
  | [] => acc
  | x :: xs => revOnto (x :: acc) xs

theorem rev_rev {α : Type} (xs : List α) : rev (rev xs) = xs := by
  have app_nil : ∀ xs : List α, app xs [] = xs := by intro xs; induction xs <;> simp_all [app]
  have assoc : ∀ a b c : List α, app (app a b) c = app a (app b c) := by intro a b c; induction a <;> simp_all [app]
  have ra : ∀ a b : List α, rev (app a b) = app (rev b) (rev a) := by
    intro a b; induction a <;> simp_all [app, rev]
  induction xs <;> simp_all [rev, app]
theorem revOnto_nil {α : Type} (xs : List α) : revOnto [] xs = rev xs := by
  have h : ∀ (xs acc : List α), revOnto acc xs = app (rev xs) acc := by
    have assoc : ∀ a b c : List α, app (app a b) c = app a (app b c) := by intro a b c; induction a <;> simp_all [app]
    intro xs; induction xs with
    | nil => intro acc; rfl
    | cons x xs ih => intro acc; simp [revOnto, rev, ih, assoc, app]
  have app_nil : ∀ xs : List α, app xs [] = xs := by intro xs; induction xs <;> simp_all [app]
  simp [h, app_nil]
