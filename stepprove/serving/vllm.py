"""vLLM as a child. It lives in an environment of its own, since its pins differ from those of everything else here."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from stepprove.serving.hardware import find_gpus
from stepprove.serving.server import HOST, ModelServer, ServerFailure, listen, log_path


def find_vllm() -> str:
    """The `vllm` program: $STEPPROVE_VLLM, else the one on the PATH. Raises ServerFailure when there is none."""
    named = os.environ.get("STEPPROVE_VLLM") or "vllm"
    found = shutil.which(named)
    if found is None:
        raise ServerFailure(
            f"There is no program {named}: make vLLM an environment of its own "
            "(`python3 -m venv ~/vllm && ~/vllm/bin/pip install vllm`) and set STEPPROVE_VLLM=~/vllm/bin/vllm."
        )
    return found


def vllm_server(
    command: Sequence[str], name: str, *, host: str, port: int, log: Path | None = None
) -> ModelServer:
    """Start vLLM with its command, whose first word is left to `find_vllm`. Raises ServerFailure."""
    program = find_vllm()
    listen(host, port).close()
    return ModelServer(
        [program, *command[1:]], name=name, url=f"http://{host}:{port}", log=log or log_path(name)
    )


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with listen() as listening:
        return int(listening.getsockname()[1])


def simple_command(name: str, port: int) -> list[str]:
    """vLLM's command for a model on all GPUs here, a power of two of them."""
    gpus = max(1, len(find_gpus()))
    tensor = 2 ** (gpus.bit_length() - 1)
    return ["vllm", "serve", name, "--host", HOST, "--port", str(port), "--tensor-parallel-size", str(tensor)]
