namespace X
def c : Nat := 1
end X
namespace Y
def c : Nat := 2
def d : Nat := 2
end Y
open X hiding c
open Y
theorem t : c = 2 := rfl
