"""A native Lean: elan, Lake, Mathlib and the community REPL."""
