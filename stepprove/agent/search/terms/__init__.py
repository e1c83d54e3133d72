"""Terms of goals: parsing, values, polynomials, and experiments with small numbers."""
