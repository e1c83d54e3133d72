def square (n : Nat) : Nat := n * n
structure Witness (n : Nat) where
  value : Nat
  good : value = n * n
def witness (n : Nat) : Witness n := ⟨square n, rfl⟩
theorem exists_sq (n : Nat) : ∃ m, m = n * n := ⟨(witness n).value, (witness n).good⟩
