def two (n : Nat) : {m : Nat // n < m} := ⟨n + 1, by sorry⟩
def three (n : Nat) : {m : Nat // n < m} := ⟨n + 1, by sorry⟩
