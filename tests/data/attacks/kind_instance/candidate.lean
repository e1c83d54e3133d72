class K : Prop where
  out : (0 : Nat) = 0
instance k : K := ⟨rfl⟩
