namespace Helpers.Deep
theorem comm (a b : Nat) : a + b = b + a := Nat.add_comm a b
end Helpers.Deep
open Helpers.Deep in
theorem add_swap (a b c : Nat) : a + b + c = c + b + a := by have := comm a b; omega
