def r (a b : Int × Int) : Prop := a.1 + b.2 = b.1 + a.2
instance s : Setoid (Int × Int) where
  r := r
  iseqv := ⟨by intro a; simp [r], by intro a b h; simp only [r] at *; omega, by intro a b c h k; simp only [r] at *; omega⟩
def Q := Quotient s
def Q.neg : Q → Q := Quotient.lift (fun p => Quotient.mk s (p.2, p.1)) (by intro a b h; apply Quotient.sound; show r _ _; have h : r a b := h; simp only [r] at *; omega)
theorem neg_neg (q : Q) : q.neg.neg = q := by induction q using Quotient.ind; rfl
