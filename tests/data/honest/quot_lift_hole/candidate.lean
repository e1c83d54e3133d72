def Z := Quot (fun (a b : Nat × Nat) => a.1 + b.2 = b.1 + a.2)
namespace Z
def mk (a b : Nat) : Z := Quot.mk _ (a, b)
def neg (z : Z) : Z := z.lift (fun p => mk p.2 p.1) (by intro a b h; exact Quot.sound (by simp only at *; omega))
theorem neg_mk (a b : Nat) : (mk a b).neg = mk b a := by rfl
theorem neg_neg (z : Z) : z.neg.neg = z := by induction z using Quot.ind; rfl
end Z
