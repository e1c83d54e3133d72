"""The record of a run, and its reading in the terminal or as one page."""
