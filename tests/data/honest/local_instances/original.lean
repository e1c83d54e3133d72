def Opp (α : Type) := α
section
local instance [Add α] : Add (Opp α) := ⟨fun a b => (Add.add (α := α) b a : α)⟩
attribute [local simp] Nat.add_comm
theorem t (a b : Opp Nat) : a + b = (Nat.add b a : Nat) := by sorry
end
theorem u (a b : Nat) : a + b = b + a := by sorry
