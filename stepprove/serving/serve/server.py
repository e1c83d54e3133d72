"""Run a model server as a child process: start it, wait until it is healthy, stop its process group.

Ctrl-C reaches the child only through its owner, who lets it finish: the child leads a process group of its own
(`process_group.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import time
import weakref
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx2
from platformdirs import user_log_path

from stepprove.files.private_folder import private_folder
from stepprove.process_group import signal_group, start_group
from stepprove.serving.client.client import ModelFailure

HOST = "127.0.0.1"
_KEPT_LOGS = 20
_TAIL_LINES = 15
_POLL_SECONDS = 0.1
_ANSWER_SECONDS = 5.0
_GRACE_SECONDS = 10.0
"""Seconds between SIGTERM and SIGKILL, in which vLLM ends its workers."""


class ServerFailure(ModelFailure):
    """A model server did not start, or ended; the message names its log."""


class ModelServer:
    """A model server in a child process; the constructor starts it.

    Args:
        command: the program and its arguments.
        name: the model's name, for messages.
        url: the base URL without `/v1`; `/health` answers 200 once the model is loaded.
        log: the file for its output.
        environment: variables added to the owner's.
        listening: a listening socket that the child takes over as its stdin.

    Raises:
        ServerFailure: the program cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        name: str,
        url: str,
        log: Path,
        environment: Mapping[str, str] | None = None,
        listening: socket.socket | None = None,
    ) -> None:
        self.name = name
        self.url = url
        self.log = log
        self._popen, lifeline = _start(command, log, environment or {}, listening)
        if listening is not None:
            listening.close()
        self.pid = self._popen.pid
        self._end = weakref.finalize(self, _kill, self._popen, lifeline, os.getpid())

    async def ready(self, seconds: float) -> None:
        """Wait until the model is loaded.

        Args:
            seconds: the time limit.

        Raises:
            ServerFailure: the server ended, or was not ready in time.
        """
        deadline = time.monotonic() + seconds
        async with httpx2.AsyncClient(timeout=_ANSWER_SECONDS) as http:
            while True:
                if self._popen.poll() is not None:
                    raise ServerFailure(f"The server of {self.name} ended at its start{self._last_words()}")
                with contextlib.suppress(httpx2.HTTPError):
                    if (await http.get(f"{self.url}/health")).status_code == 200:
                        return
                if time.monotonic() > deadline:
                    raise ServerFailure(
                        f"The server of {self.name} was not ready after {seconds:.0f} s{self._last_words()}"
                    )
                await asyncio.sleep(_POLL_SECONDS)

    async def watch(self) -> None:
        """Wait until the server ends by itself.

        Raises:
            ServerFailure: always, once the server has ended.
        """
        while self._popen.poll() is None:
            await asyncio.sleep(_POLL_SECONDS)
        raise ServerFailure(f"The server of {self.name} has ended{self._last_words()}")

    async def stop(self) -> None:
        """Terminate the server, then kill what is left of its process group; harmless when repeated."""
        if not self._end.alive:
            return
        try:
            signal_group(self.pid, signal.SIGTERM)
            deadline = time.monotonic() + _GRACE_SECONDS
            while self._popen.poll() is None and time.monotonic() < deadline:
                await asyncio.sleep(_POLL_SECONDS / 4)
        finally:
            self._end()

    def _last_words(self) -> str:
        status = self._popen.poll()
        how = "" if status is None else f" (exit status {status})"
        lines = self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        tail = "".join(f"\n  {line}" for line in lines)
        return (
            f"{how}; the end of its log {self.log}:{tail}" if tail else f"{how}; its log {self.log} is empty."
        )


@asynccontextmanager
async def running(server: ModelServer, seconds: float) -> AsyncIterator[ModelServer]:
    """Wait until a server is ready, yield it, and stop it at the end.

    Args:
        server: the started server.
        seconds: the time limit for loading the model.

    Raises:
        ServerFailure: the server ended, or was not ready in time.
    """
    try:
        await server.ready(seconds)
        yield server
    finally:
        with anyio.CancelScope(shield=True):
            await server.stop()


def listen(host: str = HOST, port: int = 0) -> socket.socket:
    """Open a listening socket.

    Args:
        host: the address.
        port: the port; 0 takes a free one.

    Raises:
        ServerFailure: the address cannot be bound.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as error:
        raise ServerFailure(f"Cannot listen on {host}:{port}: {error.strerror or error}.") from None
    return listening


def log_path(name: str) -> Path:
    """Return the log path for a new server of a model, and delete the oldest logs."""
    folder = user_log_path("stepprove") / "serve"
    private_folder(folder)
    for old in sorted(folder.glob("*.log"))[: -_KEPT_LOGS + 1]:
        old.unlink(missing_ok=True)
    plain = "".join(letter if letter.isalnum() else "-" for letter in name)[-60:]
    return folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{plain}.log"


def _start(
    command: Sequence[str], log: Path, environment: Mapping[str, str], listening: socket.socket | None
) -> tuple[subprocess.Popen[bytes], int]:
    """Start the command with its output in the log. Raises ServerFailure."""
    try:
        private_folder(log.parent)
        with log.open("wb") as file:
            return start_group(
                command,
                environment={**os.environ, **environment},
                stdin=subprocess.DEVNULL if listening is None else listening.fileno(),
                stdout=file,
                stderr=subprocess.STDOUT,
            )
    except OSError as error:
        raise ServerFailure(f"{command[0]} cannot be started: {error}.") from None


def _kill(popen: subprocess.Popen[bytes], lifeline: int, owner: int) -> None:
    """Kill the process group."""
    if os.getpid() != owner:  # a forked copy of the owner must not kill the child
        return
    signal_group(popen.pid, signal.SIGKILL)
    popen.wait()
    os.close(lifeline)
