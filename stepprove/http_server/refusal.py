"""Requests that are turned away: one sentence, as JSON."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]

CLOSE = (b"connection", b"close")
"""For requests of which nobody knows where they end. After other refusals the connection stays, and what still comes of the
body is thrown away: a client that is hung up on while it writes sees a broken pipe, not the answer."""


async def refuse(send: Send, status: int, sentence: str, *headers: tuple[bytes, bytes]) -> None:
    """Answer a request with why it is refused; what a client sent is in it only with its odd characters escaped."""
    body = json.dumps({"detail": sentence}).encode()
    told = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body})


def values(scope: Message, name: bytes) -> list[bytes]:
    """What the headers of a name say."""
    headers: Headers = scope["headers"]
    return [value for header, value in headers if header.lower() == name]
