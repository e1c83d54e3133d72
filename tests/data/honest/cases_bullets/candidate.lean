theorem em_and (p q : Bool) : (p && q) = (q && p) := by
  cases p
  · cases q <;> rfl
  · cases q
    · rfl
    · rfl
