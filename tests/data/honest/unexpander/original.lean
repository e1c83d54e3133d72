def Foo.op (a b : Nat) : Nat := a * b
infixl:70 " ⊗' " => Foo.op
@[app_unexpander Foo.op] def unexp : Lean.PrettyPrinter.Unexpander
  | `($_ $a $b) => `($a ⊗' $b)
  | _ => throw ()
theorem op1 : 2 ⊗' 3 = 6 := by sorry
