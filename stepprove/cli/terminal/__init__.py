"""What the commands write to the terminal."""
