namespace A
def x : Nat := 1
end A
namespace B
def A.x : Nat := 2
theorem _root_.A.t : A.x = 2 := rfl
end B
