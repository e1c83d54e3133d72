"""Data: the known bugs of Lean's kernels."""
