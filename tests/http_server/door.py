"""A small app behind the guard, as a server of its own, and clients that are plain sockets."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAM = """
import json, sys, socket
import uvicorn
from stepprove.http_server.bodies import Limits
from stepprove.http_server.connections import server_config
from stepprove.http_server.guard import guarded
from stepprove.http_server.hosts import hosts_for

async def app(scope, receive, send):
    size, message = 0, {"more_body": True}
    while message.get("more_body"):
        message = await receive()
        size += len(message.get("body", b""))
    answer = b"x" * 30_000_000 if scope["path"] == "/long" else str(size).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(answer)).encode())]})
    await send({"type": "http.response.body", "body": answer})

options = json.loads(sys.argv[1])
limits = Limits(**options["limits"])
hosts = hosts_for(options["host"], options["allow"])
door = guarded(app, hosts=hosts, key=options["key"], limits=limits, open_paths=("/health",))
listening = socket.socket()
listening.bind(("127.0.0.1", 0))
listening.listen(600)
print(listening.getsockname()[1], flush=True)
uvicorn.Server(server_config(door, limits, log_level="error", lifespan="off")).run(sockets=[listening])
"""


class Door:
    """A server and its port."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process, self.port = process, port

    def memory_mb(self) -> float:
        """Resident, in 10**6 B."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def connect(self) -> socket.socket:
        """A connection that waits for ten seconds at most."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def ask(self, *lines: str, body: bytes = b"", request: str = "POST /any HTTP/1.1") -> tuple[int, str]:
        """What is answered to one request."""
        with self.connect() as to:
            return answer(self.send(to, *lines, body=body, request=request))

    def send(
        self, to: socket.socket, *lines: str, body: bytes = b"", request: str = "POST /any HTTP/1.1"
    ) -> socket.socket:
        """Send one request, with this host where `lines` name none."""
        host = (
            []
            if any(line.lower().startswith("host:") for line in lines)
            else [f"Host: localhost:{self.port}"]
        )
        to.sendall("\r\n".join([request, *host, *lines, "", ""]).encode("latin-1") + body)
        return to


def answer(to: socket.socket) -> tuple[int, str]:
    """The status and the body of the next answer; 0 where the connection ends without one."""
    got = b""
    while b"\r\n\r\n" not in got:
        part = to.recv(65536)
        if not part:
            return 0, got.decode()
        got += part
    head, _, body = got.partition(b"\r\n\r\n")
    [length] = [int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while len(body) < length:
        body += to.recv(65536)
    return int(head.split()[1]), body.decode()


@contextmanager
def door(
    *, host: str = "127.0.0.1", allow: tuple[str, ...] = (), key: str | None = None, **limits: float
) -> Iterator[Door]:
    """A server of the small app."""
    options = json.dumps({"host": host, "allow": allow, "key": key, "limits": limits})
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, options], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        here = Door(process, int(process.stdout.readline()))
        assert here.ask(request="GET /health HTTP/1.1")[0] == 200
        yield here
    finally:
        process.kill()
        process.communicate()


def wait_until(true: object, seconds: float = 10) -> bool:
    """Whether a function says so within some time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():  # type: ignore[operator]
            return True
        time.sleep(0.05)
    return False
