structure Ver where
  major : Nat
  minor : Nat
deriving BEq, DecidableEq, Ord
instance : LawfulBEq Ver where
  rfl := by intro a; cases a; show (_ && _) = true; simp
  eq_of_beq := by intro a b h; cases a; cases b; have h : (_ && _) = true := h; simp_all
instance : LT Ver := ltOfOrd
theorem vv : (Ver.mk 1 2 == Ver.mk 1 2) = true := by rfl
