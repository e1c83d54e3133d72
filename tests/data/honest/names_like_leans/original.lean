theorem eq_1 (a b : Nat) : a + b = b + a := by sorry
namespace A
theorem _step (n : Nat) : n < n + 1 := by sorry
theorem omega_2 : ∃ n : Nat, n > 3 := by sorry
end A
