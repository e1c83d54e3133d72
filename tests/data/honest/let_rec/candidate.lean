def rev (xs : List α) : List α :=
  let rec go : List α → List α → List α
    | [], acc => acc
    | x :: xs, acc => go xs (x :: acc)
  go xs []
theorem r1 : rev [1,2,3] = [3,2,1] := by rfl
theorem rgo (xs acc : List α) : rev.go xs acc = rev.go xs [] ++ acc := by induction xs generalizing acc with
  | nil => rfl
  | cons x xs ih => rw [rev.go, ih, rev.go, ih [x]]; simp
