def safeDiv (a b : Nat) : Except String Nat := if b = 0 then .error "zero" else .ok (a / b)
theorem d (a : Nat) : safeDiv a 0 = .error "zero" := by rfl
theorem d2 (a b : Nat) (h : b ≠ 0) : ∃ q, safeDiv a b = .ok q := by exact ⟨a / b, by simp [safeDiv, h]⟩
def v3 : Vector Nat 3 := ⟨#[1,2,3], by rfl⟩
theorem v3_get : v3[1] = 2 := by rfl
