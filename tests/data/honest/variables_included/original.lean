section
variable (p : Prop) (hp : p)
include hp
theorem incl : p := by sorry
end
