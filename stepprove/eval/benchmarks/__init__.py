"""Benchmarks: find, read, select and pin their statements."""
