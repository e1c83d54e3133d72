inductive Op | add | mul (n : Nat)
instance : DecidableEq Op
  | .add, .add => isTrue (by rfl)
  | .mul n, .mul m => if h : n = m then isTrue (by rw [h]) else isFalse (by intro e; cases e; exact h rfl)
  | .add, .mul _ => isFalse (by nofun)
  | .mul _, .add => isFalse (by nofun)
theorem o : (if Op.mul 2 = Op.mul 2 then 1 else 0) = 1 := by rfl
