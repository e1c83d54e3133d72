"""The options of the commands that listen on the network."""

from __future__ import annotations

from typing import Annotated

import typer

from stepprove.cli.terminal.console import CommandError
from stepprove.http_server.hosts import Hosts, hosts_for

AllowHost = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        metavar="NAME",
        help="Answer for this host name too, besides localhost and --host; may be repeated. * for any.",
    ),
]
ApiKey = Annotated[
    str | None,
    typer.Option(
        "--api-key",
        metavar="KEY",
        help="What requests must carry; other users see it among the processes: $STEPPROVE_API_KEY is safer.",
    ),
]


def trusted_hosts(host: str, allowed: list[str] | None) -> Hosts:
    """The hosts that a server answers for. Raises CommandError."""
    try:
        return hosts_for(host, allowed or ())
    except ValueError as wrong:
        raise CommandError(f"--allow-host: {wrong}.") from None


def key_or(given: str | None, otherwise: str | None) -> str | None:
    """The key of `--api-key`, or `otherwise`. Raises CommandError for a key that no HTTP header can hold."""
    key = otherwise if given is None else given
    if key is not None and (not key.strip() or key != key.strip() or not key.isprintable()):
        raise CommandError("The API key is empty or has spaces around it or control characters in it.")
    return key


def reached_by_all(host: str) -> bool:
    """Whether other machines can reach a server on this address."""
    return host not in {"127.0.0.1", "::1", "localhost"}
