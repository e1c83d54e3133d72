"""The OpenAI-compatible server on the CPU, as a child: transformers' own, with this project's architecture."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from stepprove.serving.serve.server import HOST, ModelServer, ServerFailure, listen, log_path

_NEEDED = ("torch", "transformers", "accelerate", "fastapi", "uvicorn")


KEY_VARIABLE = "STEPPROVE_SERVED_KEY"
"""Carries the key to the child: its arguments are seen by every user of the machine."""


def cpu_server(
    model: str,
    *,
    host: str = HOST,
    port: int = 0,
    log: Path | None = None,
    allowed_hosts: Sequence[str] = (),
    key: str | None = None,
) -> ModelServer:
    """Start to serve a folder, or a model of the hub, on the CPU.

    Args:
        model: the folder, or the id on the hub.
        host: where to listen.
        port: 0 takes a free one.
        log: what the server prints; default: a new file in the user's log folder.
        allowed_hosts: names under which it may be asked, besides localhost and `host`.
        key: what requests must carry; None: nothing.

    Raises:
        ServerFailure: what it needs is not installed, or the port is taken.
    """
    missing = [module for module in _NEEDED if importlib.util.find_spec(module) is None]
    if missing:
        raise ServerFailure(f"{missing[0]} is not installed: run `pip install 'stepprove[local]'`.")
    folder = Path(model).is_dir()
    name = served_name(model)
    listening = listen(host, port)
    environment = {"TOKENIZERS_PARALLELISM": "false", KEY_VARIABLE: key or ""}
    environment |= {"HF_HUB_OFFLINE": "1"} if folder else {}
    return ModelServer(
        [sys.executable, "-m", "stepprove.serving.serve.cpu_app", model, host, *allowed_hosts],
        name=name,
        url=f"http://{HOST if host in {'0.0.0.0', '::'} else host}:{listening.getsockname()[1]}",
        log=log or log_path(name),
        environment=environment,
        listening=listening,
    )


def served_name(model: str) -> str:
    """What clients call a model that is served here: a folder by its own name, one of the hub by its id."""
    return Path(model).resolve().name if Path(model).is_dir() else model
