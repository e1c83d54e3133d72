structure Even where
  val : Nat
  even : val % 2 = 0
instance : Coe Even Nat := ⟨Even.val⟩
instance : CoeFun Even (fun _ => Nat → Nat) := ⟨fun e n => e.val + n⟩
def four : Even := ⟨4, by sorry⟩
theorem t : (four : Nat) + 0 = 4 := by sorry
theorem u : four 3 = 7 := by sorry
theorem v (e : Even) : (e : Nat) % 2 = 0 := by sorry
