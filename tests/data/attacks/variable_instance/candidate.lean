section
variable [∀ α : Type, Subsingleton α]
theorem t (α : Type) (a b : α) : a = b := Subsingleton.elim a b
end
