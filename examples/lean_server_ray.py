"""Run the Lean server on a Ray cluster: each replica is one machine's pool of engines.

Start:   serve run examples.lean_server_ray:app --route-prefix /
         (on a cluster that `ray start` has put together; on one machine that is all)
Replicas and engines are set by the two variables below; $LEAN_ALLOW_HOSTS has the names, with spaces between, under which clients
ask, besides addresses and localhost. Ray spreads requests over the replicas, starts a replica again that dies,
and takes requests on every node. Needs `pip install 'stepprove[embedded,server]' 'ray[serve]>=2.40,<3'` on every machine.
"""

from __future__ import annotations

import os

from fastapi import FastAPI
from ray import serve

from stepprove.http_server.hosts import hosts_for
from stepprove.lean_project import find_engine
from stepprove.lean_project.server.api_key import key_from_environment
from stepprove.lean_project.server.app import ServerSettings, create_app

REPLICAS = int(os.environ.get("LEAN_REPLICAS", "1"))
ENGINES = int(os.environ.get("LEAN_ENGINES", "0")) or None
HOSTS = hosts_for("0.0.0.0", os.environ.get("LEAN_ALLOW_HOSTS", "").split())


def lean_server() -> FastAPI:
    """Build a replica's application on its machine."""
    settings = ServerSettings(engines=ENGINES, api_key=key_from_environment(), hosts=HOSTS)
    return create_app(find_engine(), settings)


@serve.deployment(
    num_replicas=REPLICAS,
    max_ongoing_requests=64,
    health_check_period_s=10,
    graceful_shutdown_timeout_s=30,
    ray_actor_options={"num_cpus": ENGINES or 1},
)
@serve.ingress(lean_server)
class LeanServer:
    """One replica."""


app = LeanServer.bind()
