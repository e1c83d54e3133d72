"""From informal mathematics to Lean statements: asking for them, and telling which of them say the same."""
