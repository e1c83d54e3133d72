section Extra
variable {α : Type} [Inhabited α]
local instance : Add String := ⟨String.append⟩
local macro "hm" : tactic => `(tactic| rfl)
private def secret (n : Nat) := n
attribute [local simp] Nat.add_comm
end Extra
def base (n : Nat) : Nat := n + 1
theorem my_lemma : base 1 = 2 := rfl
theorem b1 : base 1 = 2 := by exact my_lemma
