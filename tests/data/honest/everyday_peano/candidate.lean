/-! Naturals from scratch; later laws may use earlier ones. -/
inductive N where
  | o
  | s (n : N)
namespace N
def plus : N → N → N
  | a, o => a
  | a, s b => s (plus a b)
def times : N → N → N
  | _, o => o
  | a, s b => plus (times a b) a
theorem o_plus (a : N) : plus o a = a := by
  induction a <;> simp_all [plus]
theorem s_plus (a b : N) : plus (s a) b = s (plus a b) := by
  induction b <;> simp_all [plus]
theorem plus_comm (a b : N) : plus a b = plus b a := by
  induction b with
  | o => simp [plus, o_plus]
  | s b ih => simp [plus, s_plus, ih]
theorem plus_assoc (a b c : N) : plus (plus a b) c = plus a (plus b c) := by
  induction c <;> simp_all [plus]
theorem o_times (a : N) : times o a = o := by
  induction a <;> simp_all [plus, times]
theorem s_times (a b : N) : times (s a) b = plus (times a b) b := by
  induction b with
  | o => rfl
  | s b ih => simp only [times, ih, plus]; rw [plus_assoc, plus_comm b a, ← plus_assoc]
theorem times_comm (a b : N) : times a b = times b a := by
  induction b with
  | o => simp [times, o_times]
  | s b ih => simp [times, s_times, ih]
theorem times_plus (a b c : N) : times a (plus b c) = plus (times a b) (times a c) := by
  induction c with
  | o => rfl
  | s c ih => simp [plus, times, ih, plus_assoc]
theorem plus_right_cancel (a b c : N) (h : plus a c = plus b c) : a = b := by
  induction c <;> simp_all [plus]
theorem s_ne_o (a : N) : s a ≠ o := by
  exact fun h => nomatch h
end N
