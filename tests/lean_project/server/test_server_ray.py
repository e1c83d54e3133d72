"""The deployment file for Ray Serve, on one machine. Ray is large and no requirement of the tests: without it this is skipped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

pytest.importorskip("ray.serve", reason="Ray is not installed: pip install 'ray[serve]'")

ROOT = Path(__file__).parents[3]


@pytest.mark.timeout(300)
def test_the_deployment_file_serves_snippets_on_one_machine() -> None:
    environment = {**os.environ, "LEAN_ENGINES": "1", "RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "ray.serve.scripts", "run", "examples.lean_server_ray:app"]
    serving = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    try:
        end = time.monotonic() + 200
        while True:
            assert serving.poll() is None, "serve has ended"
            assert time.monotonic() < end, "it does not answer"
            try:
                if httpx.get("http://127.0.0.1:8000/health", timeout=20).status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.5)
        body = {"snippets": [{"id": "a", "code": "theorem t : 1 + 1 = 2 := rfl"}]}
        [result] = httpx.post("http://127.0.0.1:8000/api/check", json=body, timeout=60).json()["results"]
        assert result["verdict"]["outcome"] == "proved"
    finally:
        os.killpg(serving.pid, signal.SIGINT)
        try:
            serving.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(serving.pid, signal.SIGKILL)
