syntax "my_trivial" : tactic
macro_rules | `(tactic| my_trivial) => `(tactic| first | rfl | trivial | omega)
theorem a : 1 + 1 = 2 := by sorry
syntax "twice! " term : term
macro_rules | `(twice! $t) => `($t + $t)
theorem b (n : Nat) : (twice! n) = 2 * n := by sorry
notation "⟪" a ", " b "⟫" => (a, b)
theorem c : ⟪1, 2⟫.1 = 1 := by sorry
