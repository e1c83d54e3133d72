"""The two Leans: how each is found, installed, started and confined."""
