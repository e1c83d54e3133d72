private theorem h1 : (0 : Nat) = 1 := sorry
private theorem h2 : (0 : Nat) = 1 := h1
namespace Deep
theorem h3 : (0 : Nat) = 1 := h2
end Deep
theorem wrong : (0 : Nat) = 1 := Deep.h3
