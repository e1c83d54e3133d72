"""Talking to, starting and planning the language model that all floors share."""
