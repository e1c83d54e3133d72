"""Start the OpenAI-compatible CPU server as a child process."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from stepprove.serving.serve.server import HOST, ModelServer, ServerFailure, listen, log_path

_NEEDED = ("torch", "transformers", "accelerate", "fastapi", "uvicorn")


KEY_VARIABLE = "STEPPROVE_SERVED_KEY"
"""The variable that passes the key to the child; every user of the machine can read arguments."""


def cpu_server(
    model: str,
    *,
    host: str = HOST,
    port: int = 0,
    log: Path | None = None,
    allowed_hosts: Sequence[str] = (),
    key: str | None = None,
) -> ModelServer:
    """Start a CPU server for a model.

    Args:
        model: the model's folder, or its name on the hub.
        host: the address to listen on.
        port: 0 takes a free one.
        log: the file for the server's output; None: a new one in the user's log folder.
        allowed_hosts: accepted Host headers, besides localhost and `host`.
        key: the API key that requests must carry; None: none.

    Raises:
        ServerFailure: a package is missing, or the port is taken.
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
    """Return the name that clients use: a folder's own name, or the name on the hub."""
    return Path(model).resolve().name if Path(model).is_dir() else model
