@[export lean_stepprove_own] def _own (n : Nat) : Nat := n
theorem fine : (1 : Nat) = 1 := rfl
