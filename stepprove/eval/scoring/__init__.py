"""pass@k, intervals and curves of a run."""
