"""The modules of a Lean project: where their sources are, what they import, and in which order they are compiled."""
