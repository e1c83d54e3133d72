open Nat in
theorem succ_pos' (n : Nat) : 0 < n.succ := succ_pos n
