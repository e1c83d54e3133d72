"""The record of a run, and its display in the terminal or as one page."""
