"""The trust gate: facts about an elaborated candidate, and the verdict on them."""
