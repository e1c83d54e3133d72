namespace X
def c : Nat := 1
end X
namespace Y
def d : Nat := 2
end Y
open X
theorem t : c = 2 := by sorry
