"""Reinforcement learning with Lean as the judge."""
