def sumTo : Nat → Nat
  | 0 => 0
  | n+1 => n + 1 + sumTo n
theorem s (n : Nat) : 2 * sumTo n = n * (n + 1) := by fun_induction sumTo n with
  | case1 => rfl
  | case2 n ih => rw [Nat.mul_add, ih]; grind
theorem s2 (a b : Nat) : a + b = b + a := by
  conv => lhs; rw [Nat.add_comm]
theorem s3 (f : Nat → Nat) (h : ∀ x, f x = x) : (fun x => f x) = id := by funext x; exact h x
