"""Whether two statements say the same: BEq, BEqL, BEq+."""
