"""StepProve: prove and formalize mathematics in Lean 4."""

__version__ = "0.2.0"
