example : (fun n : Nat =>
   n)
  = id :=
  by rfl
