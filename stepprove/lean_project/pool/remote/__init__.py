"""A pool on Lean servers of other machines."""
