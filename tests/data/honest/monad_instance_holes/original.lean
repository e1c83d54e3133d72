inductive Res (ε α : Type) | ok : α → Res ε α | err : ε → Res ε α
namespace Res
def bind {ε α β : Type} : Res ε α → (α → Res ε β) → Res ε β
  | ok a, f => f a
  | err e, _ => err e
instance {ε : Type} : Monad (Res ε) where
  pure := ok
  bind := bind
instance {ε : Type} : LawfulMonad (Res ε) := LawfulMonad.mk'
  (id_map := by sorry)
  (pure_bind := by sorry)
  (bind_assoc := by sorry)
theorem t {ε : Type} (x : Res ε Nat) : (do let a ← x; pure a) = x := by sorry
end Res
