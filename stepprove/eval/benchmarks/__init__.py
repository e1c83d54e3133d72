"""Benchmarks: how their statements are found, read, selected and pinned."""
