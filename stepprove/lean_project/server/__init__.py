"""Lean over HTTP."""
