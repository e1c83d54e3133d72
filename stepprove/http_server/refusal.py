"""Refusals of requests: one sentence, as JSON."""

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
"""Closes the connection of a request without a known end. After other refusals the connection stays open and the server drops the
rest of the body: a client whose connection closes while it writes sees a broken pipe, not the answer."""


async def refuse(send: Send, status: int, sentence: str, *headers: tuple[bytes, bytes]) -> None:
    """Answer a request with a refusal; JSON escapes the odd characters of a client's text in the sentence.

    Args:
        send: the ASGI `send` of the request.
        status: the HTTP status.
        sentence: the reason.
        headers: more headers.
    """
    body = json.dumps({"detail": sentence}).encode()
    all_headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": all_headers})
    await send({"type": "http.response.body", "body": body})


def values(scope: Message, name: bytes) -> list[bytes]:
    """The values of the headers with this name."""
    headers: Headers = scope["headers"]
    return [value for header, value in headers if header.lower() == name]
