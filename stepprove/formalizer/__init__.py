"""From informal mathematics to Lean statements: sample statements, and decide which are equivalent."""
