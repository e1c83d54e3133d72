def f : Nat → Nat | 0 => 0 | n + 1 => f n
