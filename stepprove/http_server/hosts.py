"""For which names a server answers: a page in a browser must not reach it under the page's own name (DNS rebinding).

Starlette has a middleware for that; it knows no addresses and does not say what to do about a refusal.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from stepprove.http_server.refusal import App, Message, Receive, Send, refuse, values

LOOPBACK = ("localhost", "127.0.0.1", "::1")
EVERYWHERE = frozenset(["0.0.0.0", "::", ""])
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/?#@\[\]\\]+)(?::[0-9]{0,5})?", re.ASCII)
_SAFE = frozenset(["GET", "HEAD", "OPTIONS"])
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Hosts:
    """Names and addresses that may stand in a request's Host."""

    names: frozenset[str]
    """As `_plain` writes them."""
    suffixes: tuple[str, ...] = ()
    """With the dot before them."""
    addresses: bool = False
    """Any address too: no name resolves to it, so that nobody can rebind it."""
    everything: bool = False

    def allow(self, name: str) -> bool:
        """Whether a name, or an address without its port, is one of them."""
        plain = _plain(name)
        return (
            self.everything
            or plain in self.names
            or plain.endswith(self.suffixes)
            or (self.addresses and _address(plain) is not None)
        )


def hosts_for(listening: str, allowed: Iterable[str] = ()) -> Hosts:
    """Whom a server answers for.

    Args:
        listening: where it listens, as `--host` says. On every network, it answers for any address and for this machine's name.
        allowed: more names; `*.example.org` for all below that one, `*` for any.

    Raises:
        ValueError: one of them is no name.
    """
    allowed = tuple(allowed)
    for name in allowed:
        if name != "*" and not _is_name(name.removeprefix("*.")):
            raise ValueError(
                f"{name!r} is no host name: write it without scheme and port, as in lean.example.org"
            )
    everywhere = listening in EVERYWHERE
    own = socket.gethostname() if everywhere else listening
    plain = [_plain(name) for name in (*LOOPBACK, own, *allowed) if not name.startswith("*")]
    suffixes = tuple(_plain(name[1:]) for name in allowed if name.startswith("*."))
    return Hosts(frozenset(plain), suffixes, everywhere, "*" in allowed)


def _is_name(text: str) -> bool:
    return _address(text) is not None or (
        _HOST.fullmatch(text) is not None and ":" not in text and "*" not in text
    )


def _plain(name: str) -> str:
    """One spelling of each name and address."""
    address = _address(name)
    return str(address) if address is not None else name.lower().removesuffix(".")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def host_of(header: bytes) -> str | None:
    """The name in a Host header, without the port; None when it is malformed."""
    found = _HOST.fullmatch(header.decode("latin-1"))
    return None if found is None else found[1]


class TrustedHosts:
    """Refuses requests to other names, and requests that pages of other sites have a browser send."""

    def __init__(self, app: App, hosts: Hosts) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http" and (reason := self._reason(scope)) is not None:
            await refuse(send, *reason)
            return
        await self._app(scope, receive, send)

    def _reason(self, scope: Message) -> tuple[int, str] | None:
        """Why a request is refused: a status and a sentence."""
        if self._hosts.everything:
            return None
        told = values(scope, b"host")
        host = host_of(told[0]) if len(told) == 1 else None
        if host is None:
            return 400, "the request names no host, or not one alone: send one Host header"
        if not self._hosts.allow(host):
            return 421, (
                f"this server does not answer for the host {host[:_SHOWN]!r}: "
                "whoever runs it can allow that name with --allow-host"
            )
        origin = values(scope, b"origin")
        if origin and scope["method"] not in _SAFE and not all(map(self._own_page, origin)):
            return 403, (
                f"a page of {origin[0].decode('latin-1')[:_SHOWN]!r} may not ask this server: "
                "whoever runs it can allow that host with --allow-host"
            )
        return None

    def _own_page(self, origin: bytes) -> bool:
        try:
            name = urlsplit(origin.decode("latin-1")).hostname
        except ValueError:
            return False
        return name is not None and self._hosts.allow(name)
