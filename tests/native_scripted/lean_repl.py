# Real Lean as a plain REPL, `settings` is written above: its first words, which say that it is ready, are swallowed.
import os
import subprocess
import sys

lean = subprocess.Popen(
    settings["command"],  # noqa: F821
    env={**os.environ, **settings["environment"]},  # noqa: F821
    stdout=subprocess.PIPE,
    bufsize=0,
)
while lean.stdout.readline().strip():
    pass
while data := os.read(lean.stdout.fileno(), 1 << 16):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
sys.exit(lean.wait())
