inductive Rose | mk : Nat → List Rose → Rose
def Rose.depth : Rose → Nat
  | mk _ cs => 1 + (cs.attach.map fun ⟨c, h⟩ => c.depth).foldl max 0
termination_by r => sizeOf r
decreasing_by
  have := List.sizeOf_lt_of_mem h; simp; omega
def Rose.val : Rose → Nat | mk n _ => n
theorem rv : (Rose.mk 3 []).val = 3 := by rfl
