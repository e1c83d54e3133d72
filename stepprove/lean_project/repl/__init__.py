"""One REPL process: the typed protocol, time-outs, restarts."""
