namespace M
def a := 1
def b := 2
export Nat (succ)
end M
export M (a)
open M hiding a
open Nat renaming succ → next
theorem t : a + b = next 2 := by rfl
open scoped M in
theorem u : M.a = 1 := by rfl
