"""What the gate reads off the texts: their headers, their words and the names that they must not use."""
