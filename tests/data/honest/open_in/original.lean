theorem succ_pos' (n : Nat) : 0 < n.succ := by sorry
