"""Plan a recipe's run on its machines: the memory of each process, and the launch scripts. Starts nothing."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from stepprove.serving.planning.hardware import Gpu, parse_gpus
from stepprove.serving.planning.hf_config import read_config
from stepprove.serving.planning.published import ModelFacts, find_facts
from stepprove.serving.serve.vllm import Wishes, plan_vllm
from stepprove.train.memory import RESERVE_GB, MemoryUse, memory
from stepprove.train.recipe import NEW, Hardware, RlvrRecipe, SftRecipe

CONFIG = "accelerate.yaml"
_HOST_BYTES = 12
"""Bytes per parameter in host memory when rank 0 gathers a checkpoint: the weight and AdamW's two moments."""
_WRITING_BYTES = 12
"""Bytes per parameter of a process that samples: three copies of the weight."""
_ENGINES = 16
"""Most Lean processes of one replica."""


@dataclass(frozen=True, slots=True)
class TrainPlan:
    """A recipe's memory and launch files."""

    model: str
    parameters: int
    hardware: Hardware | None
    processes: int
    gpu: Gpu | None
    tokens: int
    """Most tokens of a process's batch."""
    precision: str
    recompute: bool
    memory: MemoryUse
    """Memory of each process."""
    otherwise: MemoryUse
    """The same with the opposite choice of activation checkpointing."""
    writing: float
    """Weights, in 10**9 B, of a process that samples its own texts: the sampler's, those before an update, and a checkpoint's;
    the KV cache is not counted."""
    reserve: float
    """Memory kept free, in 10**9 B."""
    fits: bool | None
    """Whether all fits the GPU; None: the recipe names no hardware."""
    host_gb: float
    """Host memory of the machine that gathers a checkpoint, in 10**9 B."""
    files: dict[str, str]
    """Launch files: names and contents."""
    notes: tuple[str, ...]
    """Further requirements, one sentence each."""


def facts_of(model: str | Path) -> ModelFacts:
    """Return the architecture and context of a recipe's initial model. Raises UnknownArchitecture."""
    if model == NEW:
        from stepprove.train.experiments.thinkingf import small_config
        from stepprove.train.sft.run import CONTEXT, VOCABULARY  # no other plan needs torch

        return ModelFacts(read_config(small_config(VOCABULARY).to_dict(), NEW), CONTEXT)
    return find_facts(str(model))


def plan_sft(recipe: SftRecipe, source: str, facts: ModelFacts, output: Path) -> TrainPlan:
    """Plan a fine-tuning run.

    Args:
        recipe: the parsed recipe.
        source: its file or name, for the launch scripts.
        facts: the initial model's.
        output: the run's folder, for the launch scripts.
    """
    tokens = max(recipe.context or facts.context, *(stage.batch_tokens for stage in recipe.stages))
    hardware, command = recipe.hardware, _command("sft", source, output)
    notes = []
    if hardware is not None and hardware.nodes > 1:
        notes.append(
            "The run's folder, the data and the model must be the same on all machines: a shared file system."
        )
    launch = _Launch(
        hardware=hardware,
        tokens=tokens,
        precision=recipe.precision,
        recompute=recipe.recompute,
        command=command,
        notes=tuple(notes),
    )
    return _plan(facts, recipe.model, launch)


def plan_rlvr(recipe: RlvrRecipe, source: str, facts: ModelFacts, output: Path) -> TrainPlan:
    """Plan a reinforcement-learning run.

    Args:
        recipe: the parsed recipe.
        source: its file or name, for the launch scripts.
        facts: the initial model's.
        output: the run's folder, for the launch scripts.

    Raises:
        DoesNotFit: the model does not fit the GPUs that sample texts.
    """
    tokens = max(recipe.rlvr.max_tokens, recipe.rlvr.batch_tokens)
    hardware, command = recipe.hardware, _command("rlvr", source, output)
    files: dict[str, str] = {}
    notes = []
    if (hardware is not None and hardware.nodes > 1) or recipe.rollouts == "vllm":
        notes.append(
            "The run's folder and the model must be the same on all machines, those that write texts too: a shared file system."
        )
    if hardware is not None and hardware.rollout_gpus is not None:
        wishes = Wishes(context=recipe.rlvr.max_tokens)
        served = plan_vllm(recipe.model, parse_gpus(hardware.rollout_gpus), wishes, host="0.0.0.0")
        files["rollouts.sh"] = _script(
            f"On {_machines(hardware.rollout_nodes)} that write texts, {hardware.rollout_gpus}: "
            f"{served.split.sequences} of full length at once.",
            f"VLLM_SERVER_DEV_MODE=1 {shlex.join(served.command)}",
        )
    if hardware is not None and hardware.lean_cores is not None:
        engines = max(n for n in range(1, _ENGINES + 1) if hardware.lean_cores % n == 0)
        files["lean.sh"] = _script(
            f"On a Ray cluster with {hardware.lean_cores} cores, from the project's source (docs/lean-server.md): as many Lean "
            "processes.",
            f"LEAN_REPLICAS={hardware.lean_cores // engines} LEAN_ENGINES={engines} serve run examples.lean_server_ray:app",
        )
    on_gpus = hardware is not None and not hardware.on_processors
    launch = _Launch(
        hardware=hardware,
        tokens=tokens,
        precision="bf16" if on_gpus else "fp32",
        recompute=on_gpus,
        command=command,
        files=files,
        notes=tuple(notes),
        lean="lean.sh" in files,
        servers=recipe.rollouts == "vllm",
        writes=recipe.rollouts == "here",
    )
    return _plan(facts, recipe.model, launch)


def accelerate_config(hardware: Hardware, precision: str) -> str:
    """Return accelerate's YAML configuration: FSDP over all processes of all machines."""
    config = {
        "compute_environment": "LOCAL_MACHINE",
        "distributed_type": "FSDP",
        "num_machines": hardware.nodes,
        "num_processes": hardware.processes,
        "mixed_precision": "bf16" if precision == "bf16" else "no",
        "rdzv_backend": "static",
        "same_network": True,
        "use_cpu": False,  # accelerate launches FSDP only so; without a GPU it uses the CPU
        "fsdp_config": {
            "fsdp_version": 2,
            "fsdp_auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
            "fsdp_reshard_after_forward": True,
            "fsdp_state_dict_type": "FULL_STATE_DICT",
            "fsdp_cpu_ram_efficient_loading": True,
            "fsdp_offload_params": False,
        },
    }
    return yaml.safe_dump(config, sort_keys=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Launch:
    """How a run computes and is started."""

    hardware: Hardware | None
    tokens: int
    """In one forward pass."""
    precision: str
    recompute: bool
    """Activation checkpointing."""
    command: list[str]
    files: dict[str, str] = field(default_factory=dict)
    """Scripts for other machines, by file name."""
    notes: tuple[str, ...] = ()
    lean: bool = False
    """A Lean server judges."""
    servers: bool = False
    """vLLM's servers write texts."""
    writes: bool = False
    """The trainer writes texts with a whole model of its own."""


def _plan(facts: ModelFacts, model: str, launch: _Launch) -> TrainPlan:
    architecture, hardware = facts.architecture, launch.hardware
    processes = 1 if hardware is None else hardware.processes
    gpu = None if hardware is None else min(parse_gpus(hardware.gpus), key=lambda gpu: gpu.memory_gb)
    one, other = (
        memory(
            architecture,
            processes=processes,
            tokens=launch.tokens,
            bf16=launch.precision == "bf16",
            recompute=choice,
        )
        for choice in (launch.recompute, not launch.recompute)
    )
    reserve = 0.0 if hardware is None or hardware.on_processors else RESERVE_GB
    writing = _WRITING_BYTES * architecture.parameters / 1e9 if launch.writes else 0.0
    training = {}
    if hardware is not None:
        training = {
            CONFIG: accelerate_config(hardware, launch.precision),
            "train.sh": _train_script(hardware, launch.command, lean=launch.lean, servers=launch.servers),
        }
    return TrainPlan(
        model=model,
        parameters=architecture.parameters,
        hardware=hardware,
        processes=processes,
        gpu=gpu,
        tokens=launch.tokens,
        precision=launch.precision,
        recompute=launch.recompute,
        memory=one,
        otherwise=other,
        writing=writing,
        reserve=reserve,
        fits=None if gpu is None else one.total + writing + reserve <= gpu.memory_gb,
        host_gb=_HOST_BYTES * architecture.parameters / 1e9,
        files={**training, **launch.files},
        notes=launch.notes,
    )


def _command(kind: str, source: str, output: Path) -> list[str]:
    return ["stepprove", "train", kind, source, "-o", str(output)]


def _train_script(hardware: Hardware, command: list[str], *, lean: bool, servers: bool) -> str:
    """The script of a training machine; `lean` and `servers` add the addresses of Lean's server and of vLLM as arguments."""
    several = hardware.nodes > 1
    arguments = [*["RANK HEAD"] * several, *["LEAN"] * lean, *["SERVER..."] * servers]
    usage = [f"On {_machines(hardware.nodes)} with {hardware.gpus}: sh {' '.join(['train.sh', *arguments])}"]
    launch = f'accelerate launch --config_file "$(dirname "$0")/{CONFIG}"'
    run, lines = shlex.join(command), []
    if several:
        usage.append(f"RANK from 0 to {hardware.nodes - 1}, HEAD the address of machine 0")
        lines.append("rank=$1 head=$2; shift 2")
        launch += ' --machine_rank "$rank" --main_process_ip "$head" --main_process_port 29500 \\\n '
    if lean:
        usage.append("LEAN of the cluster that lean.sh starts, such as http://10.0.0.2:8000")
        lines.append("lean=$1; shift")
        run += ' --lean-server "$lean"'
    if servers:
        usage.append("SERVER of each machine that runs rollouts.sh, such as http://10.0.0.3:8000/v1")
        lines.append('servers=; for server; do servers="$servers --model-server $server"; done')
        run += " $servers"
    return _script(",\n# ".join(usage) + ".", "\n".join([*lines, f"{launch} -m {run}"]))


def _script(comment: str, command: str) -> str:
    return f"#!/bin/sh\n# {comment}\n{command}\n"


def _machines(count: int) -> str:
    return "the machine" if count == 1 else f"each of the {count} machines"
