"""The API key of requests, checked before the server reads anything else of them."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection

from stepprove.http_server.refusal import App, Message, Receive, Send, refuse, values

_CHALLENGE = (b"www-authenticate", b"Bearer")


class RequireKey:
    """Passes only requests with the key; a refusal takes the same time for every wrong key.

    Args:
        app: the app.
        key: the API key; None: requests need none.
        open_paths: paths that need no key.
    """

    def __init__(self, app: App, key: str | None, open_paths: Collection[str] = ("/health",)) -> None:
        self._app, self._key, self._open = app, key, frozenset(open_paths)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http" and self._key is not None and not self._is_open(scope):
            given = values(scope, b"authorization")
            token = _token(given[0]) if len(given) == 1 else b""
            if not token:
                await refuse(
                    send, 401, "the API key is missing: send `Authorization: Bearer KEY`", _CHALLENGE
                )
                return
            if not hmac.compare_digest(_digest(token), _digest(self._key.encode())):
                await refuse(send, 401, "the API key is not the right one", _CHALLENGE)
                return
        await self._app(scope, receive, send)

    def _is_open(self, scope: Message) -> bool:
        return scope["path"] in self._open and scope["method"] in ("GET", "HEAD")


def _token(header: bytes) -> bytes:
    return (header[7:] if header[:7].lower() == b"bearer " else header).strip()


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()
