"""The host names that a server answers for, against DNS rebinding: no web page may reach it under the page's own name.

Starlette's middleware for this knows no IP addresses, and its refusal does not say what to do.
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
    """The names and addresses that a request's Host header may have."""

    names: frozenset[str]
    """In the spelling of `_plain`."""
    suffixes: tuple[str, ...] = ()
    """Endings of names, with the dot before them."""
    addresses: bool = False
    """Allow any IP address too: DNS does not resolve it, so nobody can rebind it."""
    everything: bool = False

    def allow(self, name: str) -> bool:
        """Whether a name, or an address without its port, is allowed."""
        plain = _plain(name)
        return (
            self.everything
            or plain in self.names
            or plain.endswith(self.suffixes)
            or (self.addresses and _address(plain) is not None)
        )


def hosts_for(listening: str, allowed: Iterable[str] = ()) -> Hosts:
    """The hosts that a server answers for.

    Args:
        listening: the address of `--host`. A server on every network answers for any address and for this machine's name.
        allowed: more names; `*.example.org` for all names below that one, `*` for any.

    Raises:
        ValueError: an entry of `allowed` is no host name.
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
    """The one spelling of a name or an address."""
    address = _address(name)
    return str(address) if address is not None else name.lower().removesuffix(".")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def host_of(header: bytes) -> str | None:
    """The name in a Host header, without the port; None if it is malformed."""
    match = _HOST.fullmatch(header.decode("latin-1"))
    return None if match is None else match[1]


class TrustedHosts:
    """Refuses requests to other hosts, and a browser's requests from pages of other sites."""

    def __init__(self, app: App, hosts: Hosts) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http" and (reason := self._reason(scope)) is not None:
            await refuse(send, *reason)
            return
        await self._app(scope, receive, send)

    def _reason(self, scope: Message) -> tuple[int, str] | None:
        """The status and the sentence of a refusal; None for an allowed request."""
        if self._hosts.everything:
            return None
        headers = values(scope, b"host")
        host = host_of(headers[0]) if len(headers) == 1 else None
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
