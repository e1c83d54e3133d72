"""StepMoE's attention: grouped-query and multi-matrix factorization, masks, rotary embeddings and caches."""
