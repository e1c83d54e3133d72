def Z := Quot (fun (a b : Nat × Nat) => a.1 + b.2 = b.1 + a.2)
namespace Z
def mk (a b : Nat) : Z := Quot.mk _ (a, b)
def neg (z : Z) : Z := z.lift (fun p => mk p.2 p.1) (by sorry)
theorem neg_mk (a b : Nat) : (mk a b).neg = mk b a := by sorry
theorem neg_neg (z : Z) : z.neg.neg = z := by sorry
end Z
