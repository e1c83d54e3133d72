instance : CoeFun Nat (fun _ => Nat → Nat) := ⟨fun _ _ => 0⟩
theorem t (f : Nat → Nat) : (fun _ => 0 : Nat → Nat) 0 = 0 := rfl
