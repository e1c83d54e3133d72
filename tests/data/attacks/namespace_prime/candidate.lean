namespace Shadow
def Nat.succ (n : _root_.Nat) : _root_.Nat := n + 2
theorem _root_.p : Nat.succ 3 = 5 := rfl
end Shadow
