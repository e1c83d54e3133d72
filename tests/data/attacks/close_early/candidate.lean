theorem wrong : (0 : Nat) = 0 := rfl
namespace Later
theorem wrong : (0 : Nat) = 1 := by sorry
end Later
