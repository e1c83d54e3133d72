set_option autoImplicit true
theorem auto (x : Fin n) : x.val < n := by sorry
