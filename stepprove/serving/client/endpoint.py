"""What a `--model` text becomes: an address where the model answers, for as long as it is needed.

`openai:NAME` and `http://HOST:PORT/v1#NAME` are there already. For `vllm:NAME` and `tiny` a server is started, on a free port
that only this machine reaches, and stopped at the end; two runs at once have a server each.
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
from stepprove.serving.client.model_name import ModelName, parse_model
from stepprove.serving.planning.hardware import Gpu, find_gpus
from stepprove.serving.planning.hf_config import UnknownArchitecture
from stepprove.serving.planning.plan import DoesNotFit
from stepprove.serving.serve.cpu import cpu_server
from stepprove.serving.serve.server import HOST, ModelServer, ServerFailure, running
from stepprove.serving.serve.vllm import Wishes, find_vllm, free_port, plan_vllm, vllm_server

CPU_SECONDS = 300.0
VLLM_SECONDS = 3600.0
"""Until a server must be ready; it may have to download the weights first."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model answers."""

    url: str
    """Up to and with `/v1`."""
    model: str | None
    """As the server calls it; None: the only one that it has."""

    def client(self, **options: Any) -> Client:
        """A client of it, with the options that `Client` has beside the address and the model."""
        return Client(self.url, self.model, **options)


@asynccontextmanager
async def serving(text: str, say: Callable[[str], None] = lambda line: None) -> AsyncIterator[Endpoint]:
    """The endpoint of a `--model` text; what is started for it is stopped at the end.

    Args:
        text: `openai:NAME`, `http://HOST:PORT/v1#NAME`, `vllm:NAME` or `tiny`.
        say: is told in a line what takes a while.

    Raises:
        BadModelName: the text names no model.
        ModelFailure: the model is not there, or its server does not start; one sentence, then the end of its log.
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
    """A new server of a model, and in how many seconds it must be ready."""
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
    """Start vLLM with a model on these GPUs; port 0 takes a free one. Raises ServerFailure."""
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
    """Where a model that is trained here is kept: in $STEPPROVE_MODELS, or among the user's data."""
    root = os.environ.get("STEPPROVE_MODELS")
    return (Path(root) if root else user_data_path("stepprove") / "models") / name


def tiny_folder() -> Path:
    """Where the built-in small model is. Raises ModelFailure when it is not there."""
    folder = model_folder("tiny")
    if not (folder / "config.json").is_file():
        raise ModelFailure(
            f"The small model is not trained yet ({folder} has none): run `stepprove train tiny`."
        )
    return folder
