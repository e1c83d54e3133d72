inductive Rose (α : Type) : Type
  | node (label : α) (children : List (Rose α)) : Rose α
inductive Json : Type
  | null
  | arr (items : Array Json)
  | obj (fields : List (String × Json))
  | opt (other : Option Json)
inductive Wrap (f : Type → Type) (α : Type) : Type
  | mk (x : f α)
inductive Pair (α β : Type) : Type
  | mk (a : α) (b : β)
inductive Own : Type
  | leaf (n : Nat)
  | fork (both : Pair Own (Option Own))
  | branch (f : Nat → Own)
  | many (f : Nat → List Own)
  | depending (x : Sigma fun n : Nat => Fin n → Own)
inductive W (α : Type) (β : α → Type) : Type
  | sup (a : α) (f : β a → W α β) : W α β
inductive Reach {α : Type} (r : α → α → Prop) : α → α → Prop
  | refl (a : α) : Reach r a a
  | step {a b c : α} : r a b → Reach r b c → Reach r a c
inductive Every {α : Type} (p : α → Prop) : List α → Prop
  | nil : Every p []
  | cons {a as} : p a → Every p as → Every p (a :: as)
mutual
  inductive Even : Nat → Prop
    | zero : Even 0
    | next {n} : Odd n → Even (n + 1)
  inductive Odd : Nat → Prop
    | next {n} : Even n → Odd (n + 1)
end
mutual
  inductive Tree (α : Type)
    | node : α → Forest α → Tree α
  inductive Forest (α : Type)
    | nil : Forest α
    | cons : Tree α → Forest α → Forest α
end
structure Base where
  x : Nat
structure Point extends Base where
  z : Nat := 0
inductive Exists' {α : Type} (p : α → Prop) : Prop
  | intro (a : α) (h : p a)
inductive AllNodes (p : Nat → Prop) : Rose Nat → Prop
  | node {n ts} : p n → (∀ t, t ∈ ts → AllNodes p t) → AllNodes p (.node n ts)
structure Cfg where
  size : Nat := 3
  h : size = size := by rfl
theorem even_two : Even 2 := .next (.next .zero)
