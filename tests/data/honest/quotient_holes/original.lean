def r (a b : Int × Int) : Prop := a.1 + b.2 = b.1 + a.2
instance s : Setoid (Int × Int) where
  r := r
  iseqv := ⟨by sorry, by sorry, by sorry⟩
def Q := Quotient s
def Q.neg : Q → Q := Quotient.lift (fun p => Quotient.mk s (p.2, p.1)) (by sorry)
theorem neg_neg (q : Q) : q.neg.neg = q := by sorry
