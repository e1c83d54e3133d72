/-! First exercises with lists: functions of one's own. Every statement is true. -/
def app {α : Type} : List α → List α → List α
  | [], ys => ys
  | x :: xs, ys => x :: app xs ys
def rev {α : Type} : List α → List α
  | [] => []
  | x :: xs => app (rev xs) [x]
def count {α : Type} : List α → Nat
  | [] => 0
  | _ :: xs => count xs + 1
def sum : List Nat → Nat
  | [] => 0
  | x :: xs => x + sum xs
def sumFrom (acc : Nat) : List Nat → Nat
  | [] => acc
  | x :: xs => sumFrom (acc + x) xs
def each {α β : Type} (f : α → β) : List α → List β
  | [] => []
  | x :: xs => f x :: each f xs

theorem app_nil {α : Type} (xs : List α) : app xs [] = xs := by
  induction xs <;> simp_all [app]
theorem app_assoc {α : Type} (xs ys zs : List α) : app (app xs ys) zs = app xs (app ys zs) := by
  induction xs <;> simp_all [app]
theorem count_app {α : Type} (xs ys : List α) : count (app xs ys) = count xs + count ys := by
  induction xs with
  | nil => simp [app, count]
  | cons x xs ih => simp only [app, count, ih]; omega
theorem rev_app {α : Type} (xs ys : List α) : rev (app xs ys) = app (rev ys) (rev xs) := by
  induction xs with
  | nil => simp [app, rev, app_nil]
  | cons x xs ih => simp [app, rev, ih, app_assoc]
theorem rev_rev {α : Type} (xs : List α) : rev (rev xs) = xs := by
  induction xs <;> simp_all [rev, rev_app, app]
theorem count_rev {α : Type} (xs : List α) : count (rev xs) = count xs := by
  induction xs <;> simp_all [rev, count, count_app]
theorem sumFrom_eq (acc : Nat) (xs : List Nat) : sumFrom acc xs = acc + sum xs := by
  induction xs generalizing acc with
  | nil => rfl
  | cons x xs ih => simp only [sumFrom, sum, ih]; omega
theorem sum_rev (xs : List Nat) : sum (rev xs) = sum xs := by
  have h : ∀ ys zs : List Nat, sum (app ys zs) = sum ys + sum zs := by
    intro ys zs; induction ys with
    | nil => simp [app, sum]
    | cons y ys ih => simp only [app, sum, ih]; omega
  induction xs with
  | nil => rfl
  | cons x xs ih => simp only [rev, h, ih, sum]; omega
theorem each_app {α β : Type} (f : α → β) (xs ys : List α) : each f (app xs ys) = app (each f xs) (each f ys) := by
  induction xs <;> simp_all [app, each]
theorem each_each {α β γ : Type} (f : α → β) (g : β → γ) (xs : List α) : each g (each f xs) = each (g ∘ f) xs := by
  induction xs <;> simp_all [each]
