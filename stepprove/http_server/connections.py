"""Limits on uvicorn's connections: their number, and the time to send a request and to read its answer.

uvicorn limits only the time between two requests. Without these deadlines, a client that sends a byte now and then, or reads none
of its answer, would keep its connection and the server's memory for ever.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from stepprove.http_server.bodies import Limits
from stepprove.http_server.refusal import App

_LENGTH = re.compile(rb"\n[Cc][Oo][Nn][Tt][Ee][Nn][Tt]-[Ll][Ee][Nn][Gg][Tt][Hh][ \t]*:([^\n]*)")
_HEADERS_END = re.compile(rb"\n\r?\n")
_GRACE_SECONDS = 2.0
"""Seconds after the body's deadline, for `LimitBodies` to answer."""


def server_config(app: App, limits: Limits, **options: Any) -> uvicorn.Config:
    """uvicorn's configuration for an app with these limits; `options` go to `uvicorn.Config`."""
    return uvicorn.Config(app, http=guarded_protocol(limits), ws="none", **options)


def guarded_protocol(limits: Limits) -> type[H11Protocol]:
    """uvicorn's protocol with deadlines and a limit on connections."""

    class Guarded(_Guarded):
        pass

    Guarded.limits = limits
    return Guarded


class _Guarded(H11Protocol):
    limits: Limits

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._waited_for: tuple[Any, Any] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._head = b""  # of the first request, until it is whole

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept a connection, or refuse it."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            self._hang_up(
                "503 Service Unavailable", "too many connections: try again later", "retry-after: 5\r\n"
            )
        else:
            self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers of a closed connection."""
        for timer in (self._deadline, self._stalled):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Receive data."""
        if self.transport.is_closing():
            return
        if self.cycle is None and self._two_lengths(data):
            self._hang_up("400 Bad Request", "the request says twice how long it is")
            return
        super().data_received(data)
        self._look()

    def send_400_response(self, msg: str) -> None:
        """Refuse data that h11 does not accept as HTTP."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.abort()  # no second answer can follow within an unfinished one
        else:
            self._hang_up(
                "400 Bad Request", "this is no HTTP request, or one that says two things about itself"
            )

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._look()

    def pause_writing(self) -> None:
        """Start the deadline of a client that reads more slowly than the app answers."""
        super().pause_writing()
        self._stalled = self.loop.call_later(self.limits.answer_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Cancel that deadline once the client has read the waiting data."""
        if self._stalled is not None:
            self._stalled.cancel()
        super().resume_writing()

    def _two_lengths(self, data: bytes) -> bool:
        """Whether the first request's complete headers have several Content-Lengths; h11 accepts equal ones."""
        self._head += data
        end = _HEADERS_END.search(self._head)
        head, self._head = self._head, b"" if end else self._head
        lengths = _LENGTH.findall(head[: end.end()]) if end else []
        return len(lengths) > 1 or any(b"," in length for length in lengths)

    def _look(self) -> None:
        """Set the deadline for the part of the request that is due now, unless it has one."""
        state = self.conn.their_state
        waited_for = (state, self.cycle) if state in (h11.IDLE, h11.SEND_BODY) else None
        if waited_for == self._waited_for:
            return
        self._waited_for = waited_for
        if self._deadline is not None:
            self._deadline.cancel()
        if waited_for is not None and not self.transport.is_closing():
            seconds = (
                self.limits.header_seconds if state is h11.IDLE else self.limits.body_seconds + _GRACE_SECONDS
            )
            self._deadline = self.loop.call_later(seconds, self._late)

    def _late(self) -> None:
        if self.conn.their_state is h11.IDLE and self.conn.our_state is h11.IDLE:
            self._hang_up(
                "408 Request Timeout", f"the headers did not come within {self.limits.header_seconds:g} s"
            )
        else:
            self.transport.abort()

    def _hang_up(self, status: str, sentence: str, header: str = "") -> None:
        body = f'{{"detail": "{sentence}"}}'
        head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        self.transport.write(f"{head}{header}connection: close\r\n\r\n{body}".encode())
        self.transport.close()
