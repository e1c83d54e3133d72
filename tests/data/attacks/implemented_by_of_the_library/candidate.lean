def mine (n _ : Nat) : Nat := n
attribute [implemented_by mine] Nat.sub
theorem fine : (1 : Nat) = 1 := rfl
