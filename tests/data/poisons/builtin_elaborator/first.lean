import Lean
open Lean Elab Term Meta
def zero : TermElab := fun _ _ => return mkNatLit 0
elab "poison" : term => do
  termElabAttribute.addBuiltin ``Parser.Term.num ``zero zero
  return mkConst ``True.intro
theorem ok : True := poison
