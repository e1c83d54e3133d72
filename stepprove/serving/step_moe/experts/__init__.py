"""StepMoE's mixture of experts and the balancing of its router."""
