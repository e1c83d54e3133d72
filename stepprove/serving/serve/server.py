"""A model server that runs as a child: started, waited for until it is healthy, stopped with all that it has started.

The child leads a process group of its own, so that Ctrl-C reaches it only through its owner, who lets it finish. When the owner
is killed with -9, a watcher in that group, which reads a pipe of which only the owner holds the other end, kills the group.
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

from stepprove.private_folder import private_folder
from stepprove.serving.client.client import ModelFailure

HOST = "127.0.0.1"
_KEPT_LOGS = 20
_TAIL_LINES = 15
_POLL_SECONDS = 0.1
_ANSWER_SECONDS = 5.0
_GRACE_SECONDS = 10.0
"""Between SIGTERM and SIGKILL: vLLM ends its workers in it."""

_LAUNCH = """
{{ exec </dev/fd/{lifeline} >/dev/null 2>&1; read -r _; kill -9 0; }} &
exec "$@"
"""


class ServerFailure(ModelFailure):
    """The model's server cannot be started, or has ended; the message says where its log is."""


class ModelServer:
    """A server that has been started.

    Args:
        command: the program and its arguments.
        name: for messages.
        url: up to and without `/v1`; `/health` there answers 200 once the model is loaded.
        log: what it prints goes there.
        environment: variables added to the owner's.
        listening: a socket that the child takes over as its stdin.

    Raises:
        ServerFailure: there is no such program.
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
        """Return once the model is loaded. Raises ServerFailure when the server ends, or takes longer."""
        deadline = time.monotonic() + seconds
        async with httpx2.AsyncClient(timeout=_ANSWER_SECONDS) as asking:
            while True:
                if self._popen.poll() is not None:
                    raise ServerFailure(f"The server of {self.name} ended at its start{self._last_words()}")
                with contextlib.suppress(httpx2.HTTPError):
                    if (await asking.get(f"{self.url}/health")).status_code == 200:
                        return
                if time.monotonic() > deadline:
                    raise ServerFailure(
                        f"The server of {self.name} was not ready after {seconds:.0f} s{self._last_words()}"
                    )
                await asyncio.sleep(_POLL_SECONDS)

    async def watch(self) -> None:
        """Wait until the server ends by itself, and raise the ServerFailure that this is."""
        while self._popen.poll() is None:
            await asyncio.sleep(_POLL_SECONDS)
        raise ServerFailure(f"The server of {self.name} has ended{self._last_words()}")

    async def stop(self) -> None:
        """Ask the server to end, then kill what is left of it; harmless when repeated."""
        if not self._end.alive:
            return
        try:
            _signal_group(self.pid, signal.SIGTERM)
            deadline = time.monotonic() + _GRACE_SECONDS
            while self._popen.poll() is None and time.monotonic() < deadline:
                await asyncio.sleep(_POLL_SECONDS / 4)
        finally:
            self._end()

    def _last_words(self) -> str:
        status = self._popen.poll()
        how = "" if status is None else f" (exit status {status})"
        lines = self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        said = "".join(f"\n  {line}" for line in lines)
        return (
            f"{how}; the end of its log {self.log}:{said}" if said else f"{how}; its log {self.log} is empty."
        )


@asynccontextmanager
async def running(server: ModelServer, seconds: float) -> AsyncIterator[ModelServer]:
    """A server from when it is ready, in at most so many seconds, until it is stopped. Raises ServerFailure."""
    try:
        await server.ready(seconds)
        yield server
    finally:
        with anyio.CancelScope(shield=True):
            await server.stop()


def listen(host: str = HOST, port: int = 0) -> socket.socket:
    """A socket that listens; port 0 takes a free one. Raises ServerFailure when the address cannot be had."""
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
    """Where a new server of a model writes its log; the oldest logs are thrown away."""
    folder = user_log_path("stepprove") / "serve"
    private_folder(folder)
    for old in sorted(folder.glob("*.log"))[: -_KEPT_LOGS + 1]:
        old.unlink(missing_ok=True)
    plain = "".join(letter if letter.isalnum() else "-" for letter in name)[-60:]
    return folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{plain}.log"


def _start(
    command: Sequence[str], log: Path, environment: Mapping[str, str], listening: socket.socket | None
) -> tuple[subprocess.Popen[bytes], int]:
    """Start the command and its watcher; return it with the owner's end of the lifeline."""
    watched, lifeline = os.pipe()
    try:
        private_folder(log.parent)
        with log.open("wb") as file:
            popen = subprocess.Popen(
                ["/bin/sh", "-c", _LAUNCH.format(lifeline=watched), "sh", *command],
                stdin=subprocess.DEVNULL if listening is None else listening.fileno(),
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment},
                start_new_session=True,
                pass_fds=(watched,),
            )
    except OSError as error:
        os.close(lifeline)
        raise ServerFailure(f"{command[0]} cannot be started: {error}.") from None
    finally:
        os.close(watched)
    return popen, lifeline


def _kill(popen: subprocess.Popen[bytes], lifeline: int, owner: int) -> None:
    """Kill the process group."""
    if os.getpid() != owner:  # a forked copy of the owner collects its garbage
        return
    _signal_group(popen.pid, signal.SIGKILL)
    popen.wait()
    os.close(lifeline)


def _signal_group(leader: int, number: signal.Signals) -> None:
    # macOS answers EPERM when only zombies are left.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)
