inductive Res (ε α : Type) | ok : α → Res ε α | err : ε → Res ε α
namespace Res
def bind {ε α β : Type} : Res ε α → (α → Res ε β) → Res ε β
  | ok a, f => f a
  | err e, _ => err e
instance {ε : Type} : Monad (Res ε) where
  pure := ok
  bind := bind
instance {ε : Type} : LawfulMonad (Res ε) := LawfulMonad.mk'
  (id_map := by intro α x; cases x <;> rfl)
  (pure_bind := by intros; rfl)
  (bind_assoc := by intro α β γ x f g; cases x <;> rfl)
theorem t {ε : Type} (x : Res ε Nat) : (do let a ← x; pure a) = x := by cases x <;> rfl
end Res
