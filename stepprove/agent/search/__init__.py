"""Proof search over goals without a model: the queue, the moves, the portfolio of tactics, disproof."""
