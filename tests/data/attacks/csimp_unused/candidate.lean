def f (n : Nat) : Nat := n + 0
def g (n : Nat) : Nat := n
@[csimp] theorem fg : @f = @g := rfl
theorem fine : f 1 = 1 := rfl
