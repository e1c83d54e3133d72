"""The moves, by the branch of mathematics that teaches them."""
