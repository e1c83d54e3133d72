"""Batch evaluation: benchmarks, scores that keep infrastructure failures apart, reports."""
