"""Training provers: theorems to learn on, trajectories that Lean has verified, and fine-tuning on them."""
