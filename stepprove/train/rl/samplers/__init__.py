"""Samplers of a round of reinforcement learning, and the problems that they draw."""
