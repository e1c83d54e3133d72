section
variable (xs : List Nat) (hx : 2 < xs.length) (h0 : xs[0]'(by omega) = 5)
include hx h0
theorem v0 : xs.head? = some 5 := by cases xs with
  | nil => simp at hx
  | cons a l => simpa using h0
end
