namespace A
namespace B
private theorem secret (n : Nat) : n ≤ n := Nat.le_refl n
theorem pub (n : Nat) : n ≤ n + 1 := Nat.le_succ_of_le (secret n)
end B
end A
