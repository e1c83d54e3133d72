def safeDiv (a b : Nat) : Except String Nat := if b = 0 then .error "zero" else .ok (a / b)
theorem d (a : Nat) : safeDiv a 0 = .error "zero" := by sorry
theorem d2 (a b : Nat) (h : b ≠ 0) : ∃ q, safeDiv a b = .ok q := by sorry
def v3 : Vector Nat 3 := ⟨#[1,2,3], by sorry⟩
theorem v3_get : v3[1] = 2 := by sorry
