theorem good : 1 = 1 := rfl
namespace _private.Main.«0»
theorem t : (0 : Nat) = 1 := by sorry
end _private.Main.«0»
