"""Limits on request bodies: size, duration, and the bytes of all bodies together."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from stepprove.http_server.refusal import CLOSE, App, Message, Receive, Send, refuse, values

_LATER = (b"retry-after", b"5")
_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Limits:
    """A server's limits on its clients."""

    body: int = 20_000_000
    """Bytes of one request; the server refuses a larger one with 413."""
    under_way: int = 200_000_000
    """Bytes of all requests without an answer yet; the server refuses more with 503."""
    body_seconds: float = 30.0
    """Seconds for a whole body to arrive."""
    header_seconds: float = 10.0
    """Seconds for all headers to arrive."""
    answer_seconds: float = 60.0
    """Seconds for which a client may read nothing of its answer."""
    connections: int = 500
    """Open connections; the server refuses more with 503."""


class _Refused(Exception):
    """A status, a sentence and headers."""


class LimitBodies:
    """Reads each body whole, within the limits, before the app sees the request."""

    def __init__(self, app: App, limits: Limits) -> None:
        self._app, self._limits = app, limits
        self._most = max(limits.under_way, limits.body)
        self.under_way = 0
        """Bytes of requests without an answer yet."""

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        parts: list[bytes] = []
        counted = 0
        try:
            try:
                if self._has_body(scope) and not await self._read(receive, parts):
                    return
            except _Refused as refused:
                status, sentence, *headers = refused.args
                await refuse(send, status, sentence, *headers)
                return
            finally:
                counted = sum(map(len, parts))
            await self._app(scope, _replay(b"".join(parts), parts, receive), send)
        finally:
            self.under_way -= counted

    def _has_body(self, scope: Message) -> bool:
        """Whether the headers announce a body. Raises _Refused if they contradict each other, or the body is too large."""
        lengths, encodings = values(scope, b"content-length"), values(scope, b"transfer-encoding")
        if len(lengths) + len(encodings) > 1:
            raise _Refused(
                400,
                "the request says in two ways how long it is: send Content-Length or Transfer-Encoding",
                CLOSE,
            )
        for length in lengths:
            # int() accepts signs, spaces and underscores, and is slow for a long text.
            if not length.isdigit() or len(length) > _DIGITS:
                raise _Refused(400, "Content-Length is no number of bytes", CLOSE)
            if int(length) > self._limits.body:
                raise self._too_large()
            return int(length) > 0
        return bool(encodings)

    async def _read(self, receive: Receive, parts: list[bytes]) -> bool:
        """Read a body; False if the client left before its end. Raises _Refused."""
        size = 0
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        return False
                    part = message.get("body", b"")
                    size += len(part)
                    if size > self._limits.body:
                        raise self._too_large()
                    if self.under_way + len(part) > self._most:
                        raise _Refused(
                            503, "too many bytes of other requests are under way: try again later", _LATER
                        )
                    self.under_way += len(part)
                    parts.append(part)
                    if not message.get("more_body", False):
                        return True
        except TimeoutError:
            sentence = f"the body did not come within {self._limits.body_seconds:g} s"
            raise _Refused(408, sentence, CLOSE) from None

    def _too_large(self) -> _Refused:
        return _Refused(413, f"the request is larger than {self._limits.body} bytes")


def _replay(body: bytes, parts: list[bytes], receive: Receive) -> Receive:
    """The app's messages: first the body as one message, then the client's later ones."""
    parts.clear()
    whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return whole.pop() if whole else await receive()

    return replay
