/- a comment -/
import Std

theorem t : 1 = 1 := rfl
