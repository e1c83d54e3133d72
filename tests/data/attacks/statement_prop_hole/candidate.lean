theorem t : True ∧ True := by trivial
