namespace X
def c : Nat := 1
end X
open X
theorem t : c = 2 := by sorry
