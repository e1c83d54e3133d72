import Lean
open Lean Elab Term
elab "poison" : term => do
  searchPathRef.set ["/nowhere"]
  return mkConst ``True.intro
theorem ok : True := poison
