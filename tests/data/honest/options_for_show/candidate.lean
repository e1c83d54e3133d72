set_option autoImplicit true
set_option linter.all false
set_option trace.Meta.Tactic.simp false
set_option pp.all true
theorem auto (x : Fin n) : x.val < n := by exact x.isLt
