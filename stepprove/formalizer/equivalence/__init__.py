"""Equivalence of statements: BEq, BEqL, BEq+."""
