"""Files of the user: what a command reads and writes, and folders that only the user can read."""
