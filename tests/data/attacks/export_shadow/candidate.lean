namespace X
def c : Nat := 1
end X
namespace W
def c : Nat := 2
end W
export W (c)
theorem t : c = 2 := rfl
