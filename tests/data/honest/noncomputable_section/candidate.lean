noncomputable section
open Classical
def ind (p : Prop) : Nat := if p then 1 else 0
theorem ind_true : ind True = 1 := by simp [ind]
theorem ind_le (p : Prop) : ind p ≤ 1 := by unfold ind; split <;> omega
end
