"""Plan how vLLM serves a model on given GPUs: the split, the memory and the command.

The plan uses as much tensor parallelism as the weights need, and the remaining GPUs for copies (data parallelism); a mixture's
experts then spread over all GPUs. Memory counts the weights, the KV cache of at least one sequence of full length, and a
reserve for activations.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from stepprove.faults import Failure
from stepprove.serving.planning.hardware import Gpu
from stepprove.serving.serve.work import Architecture

USABLE = 0.9
"""Share of a GPU's memory that vLLM takes by default."""

ACTIVATIONS_GB = 3.0
"""Reserve on each GPU for activations, CUDA graphs and communication buffers, in 10**9 B."""


class DoesNotFit(Failure):
    """The model is too large for the GPUs; the message says how many suffice."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class ServePlan:
    """A split of a model over GPUs, and the memory on each."""

    tensor: int
    data: int
    expert_parallel: bool
    weights_gb: float
    """Weights on each GPU, in 10**9 B."""
    sequence_gb: float
    """KV cache of one sequence of full length on each GPU that holds it, in 10**9 B."""
    sequences: int
    """Sequences of full length that fit at the same time, over all copies."""


def plan(
    model: Architecture,
    gpus: Sequence[Gpu],
    *,
    context: int,
    bytes_per_weight: float = 2.0,
    bytes_per_value: float = 2.0,
) -> ServePlan:
    """Find the split with the most copies of the model.

    Args:
        model: the architecture.
        gpus: the GPUs; the smallest one's memory counts.
        context: tokens of a sequence of full length.
        bytes_per_weight: as served.
        bytes_per_value: of the KV cache.

    Raises:
        DoesNotFit: the model is too large for the GPUs.
        ValueError: there is no GPU, or `context` is below 1.
    """
    if not gpus or context < 1:
        raise ValueError("a plan needs at least one GPU and a context of at least one token")
    memory = USABLE * min(gpu.memory_gb for gpu in gpus) - ACTIVATIONS_GB
    for tensor in _powers_of_two(len(gpus)):
        if any(layer.attention.heads % tensor for layer in model.layers):
            break
        data = len(gpus) // tensor
        sparse = _expert_parameters(model)
        spread = sparse > 0 and tensor * data > 1
        others = (model.parameters - sparse) * bytes_per_weight / 1e9 / tensor
        weights = others + sparse * bytes_per_weight / 1e9 / (tensor * data)
        sequence = model.kv_bytes(context, bytes_per_value, devices=tensor) / 1e9
        fitting = int((memory - weights) / sequence)
        if fitting >= 1:
            return ServePlan(tensor, data, spread, weights, sequence, fitting * data)
    whole = (model.parameters * bytes_per_weight + model.kv_bytes(context, bytes_per_value)) / 1e9
    raise DoesNotFit(
        f"{model.name} needs {whole:.0f} GB for its weights and one sequence of {context} tokens; "
        f"{len(gpus)} x {gpus[0].name} have {max(0.0, memory) * len(gpus):.0f} GB for that"
        + (f", {_enough(whole, memory)} would do." if memory > 0 else ".")
    )


def vllm_command(
    name: str,
    split: ServePlan,
    *,
    context: int,
    port: int,
    host: str = "127.0.0.1",
    quantization: str | None = None,
    kv_dtype: str | None = None,
    draft_tokens: int = 0,
) -> list[str]:
    """Return vLLM's command for a plan.

    Args:
        name: the model's folder, or its name on the hub.
        split: the plan.
        context: most tokens of a sequence.
        port: the port to listen on.
        host: the address to listen on.
        quantization: by vLLM's name; None: as stored.
        kv_dtype: type of the KV cache, by vLLM's name; None: the default.
        draft_tokens: tokens that multi-token prediction drafts at each step.
    """
    command = [
        "vllm",
        "serve",
        name,
        "--host",
        host,
        "--port",
        str(port),
        "--max-model-len",
        str(context),
    ]
    command += ["--tensor-parallel-size", str(split.tensor), "--gpu-memory-utilization", str(USABLE)]
    command.append("--enable-prefix-caching")
    if split.data > 1:
        command += ["--data-parallel-size", str(split.data)]
    if split.expert_parallel:
        command.append("--enable-expert-parallel")
    if quantization is not None:
        command += ["--quantization", quantization]
    if kv_dtype is not None:
        command += ["--kv-cache-dtype", kv_dtype]
    if draft_tokens:
        speculation = {"method": "mtp", "num_speculative_tokens": draft_tokens}
        command += ["--speculative-config", json.dumps(speculation)]
    return command


def _powers_of_two(most: int) -> list[int]:
    return [2**power for power in range(most.bit_length()) if 2**power <= most]


def _expert_parameters(model: Architecture) -> int:
    """Parameters of the sparse feed-forward layers."""
    ffns = [layer.feed_forward for layer in model.layers]
    return sum(ffn.held for ffn in ffns if ffn.held > ffn.active)


def _enough(whole: float, memory: float) -> int:
    count = 1
    while count * memory < whole:
        count *= 2
    return count
