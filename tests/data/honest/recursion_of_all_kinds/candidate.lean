def ack : Nat → Nat → Nat
  | 0, n => n + 1
  | m + 1, 0 => ack m 1
  | m + 1, n + 1 => ack m (ack (m + 1) n)
termination_by m n => (m, n)
def half : Nat → Nat
  | 0 => 0
  | 1 => 0
  | n + 2 => half n + 1
mutual
  def isEven : Nat → Bool
    | 0 => true
    | n + 1 => isOdd n
  def isOdd : Nat → Bool
    | 0 => false
    | n + 1 => isEven n
end
def log (n : Nat) : Nat := if h : n ≤ 1 then 0 else log (n / 2) + 1
def outer (n : Nat) : Nat := inner n 0
where
  inner : Nat → Nat → Nat
    | 0, k => k
    | n + 1, k => inner n (k + 1)
theorem half_four : half 4 = 2 := by simp [half]
theorem two : (1 : Nat) + 1 = 2 := rfl
