section
variable (xs : List Nat) (hx : 2 < xs.length) (h0 : xs[0]'(by sorry) = 5)
include hx h0
theorem v0 : xs.head? = some 5 := by sorry
end
