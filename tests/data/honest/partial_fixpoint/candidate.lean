def loop (n : Nat) : Option Nat := if n = 0 then some 0 else loop (n - 2)
partial_fixpoint
theorem loop0 : loop 0 = some 0 := by rw [loop]; rfl
