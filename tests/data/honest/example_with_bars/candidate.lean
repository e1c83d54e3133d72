def ab (n : Int) := n.natAbs
local notation "|" x "|" => ab x
example (n : Int) : |-n| = |n| := by
  simp [ab]
example (n : Int) : |n| = ab n := by rfl
