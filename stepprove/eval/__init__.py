"""Batch evaluation: benchmarks, scores that keep infrastructure apart, reports."""
