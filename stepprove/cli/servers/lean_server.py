"""`stepprove lean-server`: Lean over HTTP."""

from __future__ import annotations

import socket
from typing import Annotated

import typer

from stepprove.cli.options.common import positive_seconds
from stepprove.cli.options.engine import EngineChoice, engine_words, lean_for
from stepprove.cli.servers.network import AllowHost, ApiKey, key_or, reached_by_all, trusted_hosts
from stepprove.cli.terminal.console import CommandError, err, need_extra, shown
from stepprove.faults import show_log
from stepprove.lean_project.engines.embedded.memory import LEAST_MB, MOST_MB

_NEEDED = ("fastapi", "uvicorn", "prometheus_client")
_GRACE_SECONDS = 10


def lean_server(
    host: Annotated[str, typer.Option(help="Where to listen; 0.0.0.0 for every network.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    allow_host: AllowHost = None,
    api_key: ApiKey = None,
    engines: Annotated[
        int | None,
        typer.Option(min=1, help="Lean processes; default: one for each core, as far as the memory allows."),
    ] = None,
    time_limit: Annotated[
        float, typer.Option("--time-limit", metavar="SECONDS", help="The most that a snippet may ask for.")
    ] = 300.0,
    memory_limit: Annotated[
        float | None, typer.Option("--memory-limit", metavar="MB", min=500, help="For each Lean process.")
    ] = None,
    max_request_mb: Annotated[
        float, typer.Option("--max-request-mb", metavar="MB", help="Larger requests are refused with 413.")
    ] = 20.0,
    max_waiting: Annotated[
        int, typer.Option("--max-waiting", min=1, help="Snippets that may wait; more are refused with 429.")
    ] = 20_000,
    engine: Annotated[
        EngineChoice,
        typer.Option("--engine", help="Which Lean; auto takes the one of the Lake project here."),
    ] = "auto",
) -> int:
    """Serve Lean over HTTP: Kimina Lean Server's `/api/check`, `/verify` and `/health`, with the trust gate's verdict.

    The key that requests must carry (`Authorization: Bearer KEY`) comes from `--api-key`, `STEPPROVE_API_KEY` or
    `LEAN_SERVER_API_KEY`.

    Example: `stepprove lean-server --engines 4`, then `curl localhost:8000/health`
    """
    need_extra("server", _NEEDED)
    import uvicorn

    from stepprove.http_server.bodies import Limits
    from stepprove.http_server.connections import server_config
    from stepprove.lean_project.server.api_key import key_from_environment
    from stepprove.lean_project.server.app import ServerSettings, create_app

    positive_seconds(time_limit, "--time-limit")
    positive_seconds(max_request_mb, "--max-request-mb")
    key = key_or(api_key, key_from_environment())
    limits = Limits(body=int(max_request_mb * 1e6))
    hosts = trusted_hosts(host, allow_host)
    listening = _listen(host, port)
    lean = lean_for(None, engine, memory_limit and min(max(memory_limit, LEAST_MB), MOST_MB))
    settings = ServerSettings(
        engines=engines,
        time_limit=time_limit,
        memory_limit_mb=memory_limit,
        limits=limits,
        hosts=hosts,
        max_waiting=max_waiting,
        api_key=key,
    )
    at = listening.getsockname()
    err.print(f"Lean server on http://{at[0]}:{at[1]} ({shown(engine_words(lean))}); stop it with Ctrl-C.")
    if key is None and reached_by_all(host):
        err.print(
            "[yellow]Anybody who reaches this port can run Lean here: set STEPPROVE_API_KEY to ask for a key.[/]"
        )
    config = server_config(
        create_app(lean, settings), limits, log_level="warning", timeout_graceful_shutdown=_GRACE_SECONDS
    )
    show_log("uvicorn")
    server = uvicorn.Server(config)
    server.run(sockets=[listening])
    return 0 if server.started else 3


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises CommandError if the address is not available."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        raise CommandError(f"Cannot listen on {host}:{port}: {error.strerror or error}.", code=3) from None
    return listening
