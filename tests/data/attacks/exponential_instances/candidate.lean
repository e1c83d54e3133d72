set_option maxHeartbeats 0
set_option synthInstance.maxHeartbeats 0
set_option maxRecDepth 1000000
class C (n : Nat) : Prop
instance (n : Nat) [C (n + 1)] [C (n + 2)] : C n := ⟨⟩
theorem wrong : (0 : Nat) = 1 := (inferInstance : C 0 → (0 : Nat) = 1) inferInstance
