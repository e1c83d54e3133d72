theorem primes : ∀ n : Fin 5, n.val < 5 := by sorry
