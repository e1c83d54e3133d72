"""Optimisation methods of the source papers, one a file, each usable with any PyTorch training loop."""
