"""Start vLLM as a child process, from an environment of its own: its pinned dependencies conflict with ours."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stepprove.serving.planning.hardware import Gpu
from stepprove.serving.planning.plan import ServePlan, plan, vllm_command
from stepprove.serving.planning.published import ModelFacts, bytes_per_weight, find_facts
from stepprove.serving.serve.server import HOST, ModelServer, ServerFailure, listen, log_path

LONGEST_CONTEXT = 32_768
"""Default limit on the context, in tokens."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """Options for serving a model; None: chosen from the model and the GPUs."""

    context: int | None = None
    quantization: str | None = None
    """By vLLM's name: fp8, awq, ..."""
    kv_dtype: str | None = None
    """Type of the KV cache, by vLLM's name: fp8, ..."""
    draft_tokens: int = 0
    """Tokens that multi-token prediction drafts at each step."""


@dataclass(frozen=True, slots=True)
class VllmPlan:
    """How vLLM serves a model."""

    facts: ModelFacts
    gpus: Sequence[Gpu]
    context: int
    split: ServePlan
    command: list[str]


def plan_vllm(
    model: str, gpus: Sequence[Gpu], wishes: Wishes = Wishes(), *, host: str = HOST, port: int = 8000
) -> VllmPlan:
    """Plan vLLM's command for a model.

    Args:
        model: the model's folder, or its name on the hub.
        gpus: the GPUs to use.
        wishes: context, quantization and draft tokens.
        host: the address to listen on.
        port: the port to listen on.

    Raises:
        UnknownArchitecture: the model's configuration is missing or of an unknown kind.
        DoesNotFit: the model is too large for the GPUs.
        ValueError: there is no GPU, or the model has no heads for multi-token prediction.
    """
    facts = find_facts(model)
    context = wishes.context or min(facts.context, LONGEST_CONTEXT)
    if wishes.draft_tokens and not facts.draft_heads:
        raise ValueError(f"{model} has no heads for multi-token prediction.")
    split = plan(
        facts.architecture,
        gpus,
        context=context,
        bytes_per_weight=bytes_per_weight(wishes.quantization, facts),
        bytes_per_value=2.0 if wishes.kv_dtype in (None, "auto", "bfloat16") else 1.0,
    )
    command = vllm_command(
        model,
        split,
        context=context,
        host=host,
        port=port,
        quantization=wishes.quantization,
        kv_dtype=wishes.kv_dtype,
        draft_tokens=wishes.draft_tokens,
    )
    return VllmPlan(facts, gpus, context, split, command)


def find_vllm() -> str:
    """Return the `vllm` program: $STEPPROVE_VLLM, else the one on the PATH. Raises ServerFailure when there is none."""
    named = os.environ.get("STEPPROVE_VLLM") or "vllm"
    program = shutil.which(os.path.expanduser(named))
    if program is None:
        raise ServerFailure(
            f"There is no program {named}: give vLLM an environment of its own "
            "(`python3 -m venv ~/vllm && ~/vllm/bin/pip install vllm`) and set STEPPROVE_VLLM=~/vllm/bin/vllm."
        )
    return program


def vllm_server(
    command: Sequence[str],
    name: str,
    *,
    host: str = HOST,
    port: int,
    log: Path | None = None,
    key: str | None = None,
) -> ModelServer:
    """Start vLLM.

    Args:
        command: vLLM's command; `find_vllm` replaces its first word.
        name: the model's name, for messages.
        host: the address to listen on.
        port: the port to listen on.
        log: the file for the server's output; None: a new one in the log folder.
        key: the API key that requests must carry; None: none.

    Raises:
        ServerFailure: vLLM is missing, or the port is taken.
    """
    program = find_vllm()
    listen(host, port).close()
    at = HOST if host in {"0.0.0.0", "::"} else host
    return ModelServer(
        [program, *command[1:]],
        name=name,
        url=f"http://{at}:{port}",
        log=log or log_path(name),
        # Not as an argument: every user of the machine can read those, and vLLM logs them.
        environment={} if key is None else {"VLLM_API_KEY": key},
    )


def free_port(host: str = HOST) -> int:
    """Return a free port of this machine."""
    with listen(host) as listening:
        return int(listening.getsockname()[1])
