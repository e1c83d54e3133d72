"""What the gate asks of Lean: facts about the declarations of an elaborated text."""
