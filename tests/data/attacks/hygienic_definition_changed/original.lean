macro "mk " n:num i:ident : command => `(def hidden : Nat := $n
 theorem $i : hidden = 5 := by sorry)
mk 4 shown
