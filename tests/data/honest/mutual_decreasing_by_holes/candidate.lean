mutual
def isEven (n : Nat) : Bool := if h : n = 0 then true else isOdd (n - 1)
termination_by n
decreasing_by omega
def isOdd (n : Nat) : Bool := if h : n = 0 then false else isEven (n - 1)
termination_by n
decreasing_by omega
end
theorem e0 : isEven 0 = true := by simp [isEven]
