def ab (n : Int) := n.natAbs
local notation "|" x "|" => ab x
example (n : Int) : |n| = ab n := by sorry
example (n : Int) : |-n| = |n| := by sorry
