"""What guards the server's door: the size of a request, and the key."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson
from fastapi import HTTPException, Request

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]


def require_key(key: str | None) -> Callable[[Request], None]:
    """A dependency that lets only requests with the key through; its answer takes as long whatever is wrong."""

    def check(request: Request) -> None:
        if key is None:
            return
        given = request.headers.get("authorization", "")
        token = given[7:].strip() if given[:7].lower() == "bearer " else given.strip()
        if not token:
            raise HTTPException(401, "the API key is missing: send `Authorization: Bearer KEY`")
        if not hmac.compare_digest(token.encode(), key.encode()):
            raise HTTPException(401, "the API key is not the right one")

    return check


class LimitBody:
    """ASGI middleware that reads a request's body up to a size, and refuses larger ones with 413 before they are read."""

    def __init__(self, app: Callable[..., Awaitable[None]], max_bytes: int) -> None:
        self._app, self._max_bytes = app, max_bytes

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["method"] not in {"POST", "PUT", "PATCH"}:
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > self._max_bytes:
            await self._refuse(send)
            return
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message.get("body", b"")
            if len(body) > self._max_bytes:
                await self._refuse(send)
                return
            if not message.get("more_body", False):
                break
        whole: list[_Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def replay() -> _Message:
            return whole.pop() if whole else await receive()

        await self._app(scope, replay, send)

    async def _refuse(self, send: _Send) -> None:
        detail = orjson.dumps({"detail": f"the request is larger than {self._max_bytes} bytes"})
        headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": detail})
