"""vLLM as a child. It lives in an environment of its own, since its pins differ from those of everything else here."""

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
"""Tokens that a model is served with at most where nobody asks for more."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a model is to be served; None: as fits."""

    context: int | None = None
    quantization: str | None = None
    """By vLLM's name: fp8, awq, ..."""
    kv_dtype: str | None = None
    """Of the KV cache, by vLLM's name: fp8, ..."""
    draft_tokens: int = 0
    """That multi-token prediction proposes at each step."""


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
    """How to serve a model on these GPUs.

    Raises:
        UnknownArchitecture: what the model is cannot be found out.
        DoesNotFit: it is too large for the GPUs.
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
    """The `vllm` program: $STEPPROVE_VLLM, else the one on the PATH. Raises ServerFailure when there is none."""
    named = os.environ.get("STEPPROVE_VLLM") or "vllm"
    found = shutil.which(os.path.expanduser(named))
    if found is None:
        raise ServerFailure(
            f"There is no program {named}: give vLLM an environment of its own "
            "(`python3 -m venv ~/vllm && ~/vllm/bin/pip install vllm`) and set STEPPROVE_VLLM=~/vllm/bin/vllm."
        )
    return found


def vllm_server(
    command: Sequence[str],
    name: str,
    *,
    host: str = HOST,
    port: int,
    log: Path | None = None,
    key: str | None = None,
) -> ModelServer:
    """Start vLLM with its command, whose first word is left to `find_vllm`, and its key. Raises ServerFailure."""
    program = find_vllm()
    listen(host, port).close()
    at = HOST if host in {"0.0.0.0", "::"} else host
    return ModelServer(
        [program, *command[1:]],
        name=name,
        url=f"http://{at}:{port}",
        log=log or log_path(name),
        # Not as an argument: those are seen by every user of the machine, and vLLM writes them into its log.
        environment={} if key is None else {"VLLM_API_KEY": key},
    )


def free_port(host: str = HOST) -> int:
    """A port of this machine that nobody listens on."""
    with listen(host) as listening:
        return int(listening.getsockname()[1])
