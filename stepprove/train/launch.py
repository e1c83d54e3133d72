"""How a recipe is started on the machines that it is for: the memory that it takes, and the files that start it.

Nothing is started here.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
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
"""Of each parameter, on the machine that gathers a checkpoint: its weight and AdamW's moments."""
_WRITING_BYTES = 12
"""Of each parameter: three times its weight."""
_ENGINES = 16
"""Lean processes of one replica, at most."""


@dataclass(frozen=True, slots=True)
class TrainPlan:
    """What a recipe takes, and how it is started."""

    model: str
    parameters: int
    hardware: Hardware | None
    processes: int
    gpu: Gpu | None
    tokens: int
    """At once in each process, at most."""
    precision: str
    recompute: bool
    memory: MemoryUse
    """Of each process."""
    otherwise: MemoryUse
    """The same with activations kept where they are made anew, or made anew where they are kept."""
    writing: float
    """Of a process that writes its own texts, the whole weights that it has for that, in 10**9 B: the writer's, those before an
    update, and those of a checkpoint; keys and values apart."""
    reserve: float
    """Kept free beside it, in 10**9 B."""
    fits: bool | None
    """Both into the GPU; None: the recipe says of no hardware."""
    host_gb: float
    """Of the machine that gathers a checkpoint, in 10**9 B."""
    files: dict[str, str]
    """To start it."""
    notes: tuple[str, ...]
    """What has to be known besides, in sentences."""


def facts_of(model: str | Path) -> ModelFacts:
    """What is known of the model that a recipe begins with. Raises UnknownArchitecture."""
    if model == NEW:
        from stepprove.train.experiments.thinkingf import small_config
        from stepprove.train.sft.run import CONTEXT, VOCABULARY  # no other plan needs torch

        return ModelFacts(read_config(small_config(VOCABULARY).to_dict(), NEW), CONTEXT)
    return find_facts(str(model))


def plan_sft(recipe: SftRecipe, source: str, facts: ModelFacts, output: Path) -> TrainPlan:
    """The plan of fine-tuning by the recipe of that name or file."""
    tokens = max(recipe.context or facts.context, *(stage.batch_tokens for stage in recipe.stages))
    hardware, command = recipe.hardware, _command("sft", source, output)
    notes = []
    if hardware is not None and hardware.nodes > 1:
        notes.append(
            "The run's folder, the data and the model must be the same on all machines: a shared file system."
        )
    return _plan(
        facts, recipe.model, hardware, tokens, recipe.precision, recipe.recompute, command, {}, tuple(notes)
    )


def plan_rlvr(recipe: RlvrRecipe, source: str, facts: ModelFacts, output: Path) -> TrainPlan:
    """The plan of reinforcement learning. Raises DoesNotFit when the rollouts' GPUs are too small for the model."""
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
    return _plan(
        facts,
        recipe.model,
        hardware,
        tokens,
        "bf16" if on_gpus else "fp32",
        on_gpus,
        command,
        files,
        tuple(notes),
        lean="lean.sh" in files,
        servers=recipe.rollouts == "vllm",
        writes=recipe.rollouts == "here",
    )


def accelerate_config(hardware: Hardware, precision: str) -> str:
    """accelerate's configuration: FSDP over all processes of all machines."""
    config = {
        "compute_environment": "LOCAL_MACHINE",
        "distributed_type": "FSDP",
        "num_machines": hardware.nodes,
        "num_processes": hardware.processes,
        "mixed_precision": "bf16" if precision == "bf16" else "no",
        "rdzv_backend": "static",
        "same_network": True,
        "use_cpu": False,  # FSDP's launcher is the GPUs'; without any, it takes the processors
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


def _plan(
    facts: ModelFacts,
    model: str,
    hardware: Hardware | None,
    tokens: int,
    precision: str,
    recompute: bool,
    command: list[str],
    files: dict[str, str],
    notes: tuple[str, ...],
    *,
    lean: bool = False,
    servers: bool = False,
    writes: bool = False,
) -> TrainPlan:
    architecture = facts.architecture
    processes = 1 if hardware is None else hardware.processes
    gpu = None if hardware is None else min(parse_gpus(hardware.gpus), key=lambda each: each.memory_gb)
    one, other = (
        memory(architecture, processes=processes, tokens=tokens, bf16=precision == "bf16", recompute=each)
        for each in (recompute, not recompute)
    )
    reserve = 0.0 if hardware is None or hardware.on_processors else RESERVE_GB
    writing = _WRITING_BYTES * architecture.parameters / 1e9 if writes else 0.0
    if hardware is not None:
        training = {
            CONFIG: accelerate_config(hardware, precision),
            "train.sh": _train_script(hardware, command, lean=lean, servers=servers),
        }
        files = {**training, **files}
    return TrainPlan(
        model=model,
        parameters=architecture.parameters,
        hardware=hardware,
        processes=processes,
        gpu=gpu,
        tokens=tokens,
        precision=precision,
        recompute=recompute,
        memory=one,
        otherwise=other,
        writing=writing,
        reserve=reserve,
        fits=None if gpu is None else one.total + writing + reserve <= gpu.memory_gb,
        host_gb=_HOST_BYTES * architecture.parameters / 1e9,
        files=files,
        notes=notes,
    )


def _command(kind: str, source: str, output: Path) -> list[str]:
    return ["stepprove", "train", kind, source, "-o", str(output)]


def _train_script(hardware: Hardware, command: list[str], *, lean: bool, servers: bool) -> str:
    """`lean`: it is called with the address of Lean's server; `servers`: with those of the machines that write texts."""
    several = hardware.nodes > 1
    called = [*["RANK HEAD"] * several, *["LEAN"] * lean, *["SERVER..."] * servers]
    said = [f"On {_machines(hardware.nodes)} with {hardware.gpus}: sh {' '.join(['train.sh', *called])}"]
    launch = f'accelerate launch --config_file "$(dirname "$0")/{CONFIG}"'
    run, lines = shlex.join(command), []
    if several:
        said.append(f"RANK from 0 to {hardware.nodes - 1}, HEAD the address of machine 0")
        lines.append("rank=$1 head=$2; shift 2")
        launch += ' --machine_rank "$rank" --main_process_ip "$head" --main_process_port 29500 \\\n '
    if lean:
        said.append("LEAN of the cluster that lean.sh starts, such as http://10.0.0.2:8000")
        lines.append("lean=$1; shift")
        run += ' --lean-server "$lean"'
    if servers:
        said.append("SERVER of each machine that runs rollouts.sh, such as http://10.0.0.3:8000/v1")
        lines.append('servers=; for server; do servers="$servers --model-server $server"; done')
        run += " $servers"
    return _script(",\n# ".join(said) + ".", "\n".join([*lines, f"{launch} -m {run}"]))


def _script(said: str, command: str) -> str:
    return f"#!/bin/sh\n# {said}\n{command}\n"


def _machines(count: int) -> str:
    return "the machine" if count == 1 else f"each of the {count} machines"
