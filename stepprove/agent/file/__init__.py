"""Filling the holes of one file: search each, assemble, and run the gate on the result."""
