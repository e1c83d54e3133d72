"""A program that is called `vllm` and a `nvidia-smi`: they say what they are asked, and vLLM's `/health` answers."""

from __future__ import annotations

import sys
from pathlib import Path

VLLM = """#!{python}
import http.server, json, os, subprocess, sys
option = dict(zip(sys.argv, sys.argv[1:]))
print("scripted vllm:", *sys.argv[1:], flush=True)
print("key:", os.environ.get("VLLM_API_KEY"), flush=True)
if os.environ.get("BROKEN"):
    sys.exit("CUDA out of memory")
subprocess.Popen(["sleep", "98"])  # a worker
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
http.server.HTTPServer((option["--host"], int(option["--port"])), Handler).serve_forever()
"""


def script_programs(folder: Path, *, gpus: int) -> None:
    """Put the two programs into a folder; so many GPUs of 80 GB are found."""
    listed = "".join("echo 'NVIDIA H800, 81559'\n" for _ in range(gpus))
    texts = {"vllm": VLLM.format(python=sys.executable), "nvidia-smi": f"#!/bin/sh\n{listed or 'exit 9'}\n"}
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
