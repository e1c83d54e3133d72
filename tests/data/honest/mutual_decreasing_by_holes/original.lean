mutual
def isEven (n : Nat) : Bool := if h : n = 0 then true else isOdd (n - 1)
termination_by n
decreasing_by sorry
def isOdd (n : Nat) : Bool := if h : n = 0 then false else isEven (n - 1)
termination_by n
decreasing_by sorry
end
theorem e0 : isEven 0 = true := by sorry
