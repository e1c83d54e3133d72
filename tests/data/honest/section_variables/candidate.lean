section
variable (α : Type) [Inhabited α]
theorem has : ∃ x : α, x = x := ⟨default, rfl⟩
end
