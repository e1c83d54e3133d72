theorem eq_1 (a b : Nat) : a + b = b + a := by omega
namespace A
theorem _step (n : Nat) : n < n + 1 := by omega
theorem omega_2 : ∃ n : Nat, n > 3 := ⟨4, by decide⟩
end A
