/-! Trees. -/
inductive Tree where
  | leaf
  | node (left : Tree) (value : Nat) (right : Tree)
namespace Tree
def mirror : Tree → Tree
  | leaf => leaf
  | node l v r => node r.mirror v l.mirror
def size : Tree → Nat
  | leaf => 0
  | node l _ r => l.size + r.size + 1
def depth : Tree → Nat
  | leaf => 0
  | node l _ r => max l.depth r.depth + 1
def values : Tree → List Nat
  | leaf => []
  | node l v r => l.values ++ v :: r.values
theorem mirror_mirror (t : Tree) : t.mirror.mirror = t := by
  induction t <;> simp_all [mirror]
theorem size_mirror (t : Tree) : t.mirror.size = t.size := by
  induction t <;> simp_all [mirror, size]; omega
theorem depth_le_size (t : Tree) : t.depth ≤ t.size := by
  fun_induction depth t with
  | case1 => exact Nat.le_refl _
  | case2 l v r ihl ihr => simp only [size]; omega
theorem length_values (t : Tree) : t.values.length = t.size := by
  induction t <;> simp_all [values, size]; omega
theorem values_mirror (t : Tree) : t.mirror.values = t.values.reverse := by
  induction t <;> simp_all [mirror, values]
end Tree
