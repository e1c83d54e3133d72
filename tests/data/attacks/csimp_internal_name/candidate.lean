def f (n : Nat) : Nat := n
def g (n : Nat) : Nat := n + 0
@[csimp] theorem _same : @f = @g := rfl
theorem fine : f 1 = 1 := rfl
