inductive B | x | y
  deriving DecidableEq
instance (priority := high) : DecidableEq B := fun _ _ => isTrue (by sorry)
theorem t : B.x = B.y := by decide
