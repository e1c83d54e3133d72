theorem em_and (p q : Bool) : (p && q) = (q && p) := by sorry
