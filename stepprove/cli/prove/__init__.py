"""`stepprove prove`."""
