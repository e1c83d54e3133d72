namespace X
def c : Nat := 1
end X
namespace Z
def e : Nat := 2
end Z
open Z renaming e → c
theorem t : c = 2 := rfl
