def Nat.secret : Nat := 1
def secret : Nat := 2
theorem s : _root_.secret = 2 := rfl
