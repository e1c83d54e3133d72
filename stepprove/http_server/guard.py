"""The guards in front of an app, in order: host, key, body."""

from __future__ import annotations

from collections.abc import Collection

from stepprove.http_server.bodies import LimitBodies, Limits
from stepprove.http_server.hosts import Hosts, TrustedHosts
from stepprove.http_server.keys import RequireKey
from stepprove.http_server.refusal import App


def guarded(app: App, *, hosts: Hosts, key: str | None, limits: Limits, open_paths: Collection[str]) -> App:
    """Guard an app: it sees only requests to allowed hosts, with the key, and with a whole body.

    Args:
        app: the app.
        hosts: the allowed hosts.
        key: the API key; None: requests need none.
        limits: the limits on bodies.
        open_paths: paths that need no key.
    """
    return TrustedHosts(RequireKey(LimitBodies(app, limits), key, open_paths), hosts)
