structure Ver where
  major : Nat
  minor : Nat
deriving BEq, DecidableEq, Ord
instance : LawfulBEq Ver where
  rfl := by sorry
  eq_of_beq := by sorry
instance : LT Ver := ltOfOrd
theorem vv : (Ver.mk 1 2 == Ver.mk 1 2) = true := by sorry
