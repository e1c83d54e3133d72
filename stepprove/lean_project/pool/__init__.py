"""Many REPL processes as one pool, on this machine or behind servers."""
