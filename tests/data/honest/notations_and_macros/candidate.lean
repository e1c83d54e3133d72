infixl:65 " ⊹ " => Nat.add
local notation "two" => (2 : Nat)
macro "triv" : tactic => `(tactic| trivial)
theorem a : two ⊹ two = 4 := by rfl
theorem b : True := by triv
namespace Foo
scoped infixr:70 " ⋄ " => Nat.mul
end Foo
open Foo in
theorem c : 2 ⋄ 3 = 6 := by rfl
