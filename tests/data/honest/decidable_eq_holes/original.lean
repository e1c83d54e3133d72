inductive Op | add | mul (n : Nat)
instance : DecidableEq Op
  | .add, .add => isTrue (by sorry)
  | .mul n, .mul m => if h : n = m then isTrue (by sorry) else isFalse (by sorry)
  | .add, .mul _ => isFalse (by sorry)
  | .mul _, .add => isFalse (by sorry)
theorem o : (if Op.mul 2 = Op.mul 2 then 1 else 0) = 1 := by sorry
