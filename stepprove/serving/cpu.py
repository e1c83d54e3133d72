"""The OpenAI-compatible server on the CPU: transformers' own `serve`, as a child that knows this project's architecture too."""

from __future__ import annotations

import importlib
import importlib.util
import os
import socket
import sys
from functools import partialmethod
from pathlib import Path

from stepprove.serving.server import HOST, ModelServer, ServerFailure, listen, log_path

_NEEDED = ("torch", "transformers", "accelerate", "fastapi", "uvicorn")
_GRACE_SECONDS = 1


def cpu_server(
    model: str, name: str, *, host: str = HOST, port: int = 0, log: Path | None = None
) -> ModelServer:
    """Start to serve a folder, or a model of the hub, on the CPU.

    Args:
        model: the folder, or the id on the hub.
        name: as messages call it; what a folder is called by clients is its own name.
        host: where to listen.
        port: 0 takes a free one.
        log: what the server prints; default: a new file in the user's log folder.

    Raises:
        ServerFailure: what it needs is not installed, or the port is taken.
    """
    missing = [module for module in _NEEDED if importlib.util.find_spec(module) is None]
    if missing:
        raise ServerFailure(f"{missing[0]} is not installed: run `pip install 'stepprove[local]'`.")
    listening = listen(host, port)
    taken = listening.getsockname()[1]
    return ModelServer(
        [sys.executable, "-m", "stepprove.serving.cpu", model],
        name=name,
        url=f"http://{host}:{taken}",
        log=log or log_path(name),
        environment={"TOKENIZERS_PARALLELISM": "false"},
        listening=listening,
    )


def served_name(model: str) -> str:
    """What clients call a model that is served here: a folder by its own name, one of the hub by its id."""
    return Path(model).resolve().name if Path(model).is_dir() else model


def main(model: str) -> None:
    """Be the server of a model, on the socket that is stdin."""
    if Path(model).is_dir():
        os.environ["HF_HUB_OFFLINE"] = "1"
        os.chdir(Path(model).resolve().parent)
    import transformers
    import uvicorn
    from transformers.cli.serve import Serve

    if importlib.util.find_spec("stepprove.serving.step_moe") is not None:
        ours = importlib.import_module("stepprove.serving.step_moe").StepMoeForCausalLM
        setattr(transformers, ours.__name__, ours)  # where `serve` looks for a model's class
    serve = partialmethod(uvicorn.Server.run, sockets=[socket.socket(fileno=os.dup(0))])
    setattr(uvicorn.Server, "run", serve)  # noqa: B010 - `serve` takes no socket
    Serve(served_name(model), device="cpu", host=HOST, port=0)


if __name__ == "__main__":
    main(sys.argv[1])
