"""Training data: generated theorems, tactic scripts, texts for formalizers."""
