mutual
inductive Even' : Nat → Prop
  | zero : Even' 0
  | succ (n : Nat) : Odd' n → Even' (n + 1)
inductive Odd' : Nat → Prop
  | succ (n : Nat) : Even' n → Odd' (n + 1)
end

mutual
theorem Even'.mod : ∀ {n : Nat}, Even' n → n % 2 = 0
  | _, .zero => rfl
  | _, .succ _ h => by have := Odd'.mod h; omega
theorem Odd'.mod : ∀ {n : Nat}, Odd' n → n % 2 = 1
  | _, .succ _ h => by have := Even'.mod h; omega
end

theorem parity (n : Nat) : n % 2 = 0 ∨ n % 2 = 1 := by omega
