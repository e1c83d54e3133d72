def sumTo : Nat → Nat
  | 0 => 0
  | n+1 => n + 1 + sumTo n
theorem s (n : Nat) : 2 * sumTo n = n * (n + 1) := by sorry
theorem s2 (a b : Nat) : a + b = b + a := by
  conv => lhs; rw [Nat.add_comm]
theorem s3 (f : Nat → Nat) (h : ∀ x, f x = x) : (fun x => f x) = id := by sorry
