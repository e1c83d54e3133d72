macro "mk " n:num i:ident : command => `(def hidden : Nat := $n
 theorem $i : hidden = 5 := by rfl)
mk 5 shown
