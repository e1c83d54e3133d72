"""A project's own modules: their order, and how the embedded Lean compiles them."""
