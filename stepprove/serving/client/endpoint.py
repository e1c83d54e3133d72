"""Resolve a `--model` argument to an endpoint, and start and stop a server where it needs one.

`openai:NAME` and `http://HOST:PORT/v1#NAME` name running servers. For `vllm:NAME` and `tiny`, `serving` starts a server on a
free local port and stops it at the end; two runs have a server each.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from stepprove.serving.client.client import Client, ModelFailure
from stepprove.serving.client.model_backends import TINY, ModelName, parse_model
from stepprove.serving.planning.hardware import Gpu, find_gpus
from stepprove.serving.planning.hf_config import UnknownArchitecture
from stepprove.serving.planning.plan import DoesNotFit
from stepprove.serving.serve.cpu import cpu_server
from stepprove.serving.serve.server import HOST, ModelServer, ServerFailure, running
from stepprove.serving.serve.vllm import Wishes, find_vllm, free_port, plan_vllm, vllm_server

CPU_SECONDS = 300.0
VLLM_SECONDS = 3600.0
"""Seconds until a server must be ready; vLLM may download the weights first."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model's address."""

    url: str
    """The base URL, `/v1` included."""
    model: str | None
    """The server's name for the model; None: its only one."""

    def client(self, **options: Any) -> Client:
        """Return a client; `options` are the keyword arguments of `Client`."""
        return Client(self.url, self.model, **options)


@asynccontextmanager
async def serving(text: str, say: Callable[[str], None] = lambda line: None) -> AsyncIterator[Endpoint]:
    """Yield the endpoint of a `--model` argument; stop at the end any server that it started.

    Args:
        text: `openai:NAME`, `http://HOST:PORT/v1#NAME`, `vllm:NAME` or `tiny`.
        say: called with a line before a long step.

    Raises:
        BadModelName: the text names no model.
        ModelFailure: the model is missing, or its server does not start; one sentence, then the end of the log.
    """
    model = parse_model(text)
    if model.url is not None:
        yield Endpoint(model.url, model.name)
        return
    server, seconds = _started(model)
    say(f"Starting the server of {model.name}; its log is {server.log}.")
    async with running(server, seconds):
        yield Endpoint(f"{server.url}/v1", model.name)


def _started(model: ModelName) -> tuple[ModelServer, float]:
    """Start a model's server; return it with the seconds until it must be ready."""
    assert model.name is not None
    if model.kind == "tiny":
        return cpu_server(str(tiny_folder())), CPU_SECONDS
    return start_vllm(model.name, find_gpus()), VLLM_SECONDS


def start_vllm(
    name: str,
    gpus: Sequence[Gpu],
    wishes: Wishes = Wishes(),  # noqa: B008 - frozen
    *,
    host: str = HOST,
    port: int = 0,
    log: Path | None = None,
    key: str | None = None,
) -> ModelServer:
    """Start vLLM with a model.

    Args:
        name: the model's folder, or its name on the hub.
        gpus: the GPUs to use.
        wishes: context, quantization and draft tokens.
        host: the address to listen on.
        port: 0 takes a free one.
        log: the file for the server's output; None: a new one in the log folder.
        key: the API key that requests must carry; None: none.

    Raises:
        ServerFailure: vLLM or a GPU is missing, or the model does not fit.
    """
    find_vllm()
    if not gpus:
        raise ServerFailure(f"vLLM needs a GPU for {name}, and none is found here.")
    port = port or free_port(host)
    try:
        command = plan_vllm(name, gpus, wishes, host=host, port=port).command
    except (UnknownArchitecture, DoesNotFit, ValueError) as unfit:
        raise ServerFailure(str(unfit)) from None
    return vllm_server(command, name, host=host, port=port, log=log, key=key)


def model_folder(name: str) -> Path:
    """Return the folder of a model trained here, under $STEPPROVE_MODELS or the user's data folder."""
    root = os.environ.get("STEPPROVE_MODELS")
    return (Path(root) if root else user_data_path("stepprove") / "models") / name


def tiny_folder() -> Path:
    """Return the folder of the built-in small model. Raises ModelFailure when it is not trained yet."""
    folder = model_folder(TINY)
    if not (folder / "config.json").is_file():
        raise ModelFailure(
            f"The small model is not trained yet ({folder} has none): run `stepprove train tiny`."
        )
    return folder
