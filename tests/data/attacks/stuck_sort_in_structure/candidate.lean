def step (n : Nat) (ih : (m : Nat) → m < n → Bool) : Bool :=
  match n with
  | 0 => false
  | k + 1 => ih k (Nat.lt_succ_self k)
noncomputable def run (n : Nat) (h : Acc (· < ·) n) : Bool := Acc.rec (fun m _ => step m) h
opaque seed : Acc (α := Nat) (· < ·) 1 := Nat.lt_wfRel.wf.apply 1
noncomputable def a := run 1 seed
noncomputable def b := run 1 (Acc.intro 1 fun _ => Acc.inv seed)
def gate (h : a = b) : Type := Eq.rec (motive := fun _ _ => Type) Prop h
inductive Owner (h : a = b) : gate h
  | mk (bit : Bool) : Owner h
theorem fine : (1 : Nat) = 1 := rfl
