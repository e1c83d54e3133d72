theorem pre_helper (n : Nat) (h : n < 3) : n < 5 := by omega
def pre_def (o : Option Nat) : Fin 9 := match o with | some n => ⟨n % 9, by omega⟩ | none => ⟨0, by omega⟩
@[simp] theorem pre_simp (n : Nat) : (pre_def (some n)).1 = n % 9 := rfl
structure Pos where
  n : Nat
  pos : 0 < n
instance : Mul Pos := ⟨fun a b => ⟨a.n * b.n, by exact Nat.mul_pos a.pos b.pos⟩⟩
instance : OfNat Pos (n + 1) := ⟨⟨n + 1, by omega⟩⟩
instance : Inhabited Pos := ⟨⟨1, by decide⟩⟩
instance : Coe Pos Nat := ⟨Pos.n⟩
theorem mul_one' (a : Pos) : a * 1 = a * 1 := by rfl
theorem ext' (a b : Pos) (h : (a : Nat) = b) : a = b := by cases a; cases b; simp_all
theorem two_mul : (2 : Pos) * 3 = 6 := by rfl
