def one (n : Nat) : {m : Nat // n < m} := ⟨n + 1, by omega⟩
def two (n : Nat) : {m : Nat // n < m} := ⟨n + 1, by omega⟩
def three (n : Nat) : {m : Nat // n < m} := ⟨n + 1, by omega⟩
