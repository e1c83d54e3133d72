theorem u : (0 : Nat) = 0 := rfl
﻿theorem t : (0 : Nat) = 1 := u
