"""All that stands before an app, in order: the host, the key, the body."""

from __future__ import annotations

from collections.abc import Collection

from stepprove.http_server.bodies import LimitBodies, Limits
from stepprove.http_server.hosts import Hosts, TrustedHosts
from stepprove.http_server.keys import RequireKey
from stepprove.http_server.refusal import App


def guarded(app: App, *, hosts: Hosts, key: str | None, limits: Limits, open_paths: Collection[str]) -> App:
    """An app that sees only requests to names it answers for, with the key, and with a whole body.

    Args:
        app: what is guarded.
        hosts: whom it answers for.
        key: what requests must carry; None: nothing.
        limits: of bodies.
        open_paths: what may be got without the key.
    """
    return TrustedHosts(RequireKey(LimitBodies(app, limits), key, open_paths), hosts)
